//! stub
#![allow(missing_docs)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)] pub enum DmPolicy { #[default] Allowlist, Open, Disabled }
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)] pub enum GroupPolicy { #[default] Allowlist, Open, Disabled }
#[derive(Clone, Debug, Default)] pub struct AccessRules { pub dm_policy: DmPolicy, pub allow_from: Vec<String>, pub group_policy: GroupPolicy, pub group_allow_from: Vec<String> }
