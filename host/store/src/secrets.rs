//! stub
#![allow(missing_docs)]
use zeroize::Zeroizing;
pub struct Secret;
impl Secret { pub fn spellings(&self)->Vec<Zeroizing<Vec<u8>>>{vec![]} pub fn with_prefix(&self,_p:&str)->Zeroizing<String>{Zeroizing::new(String::new())} }
pub struct Environment; pub struct FingerprintKey;
