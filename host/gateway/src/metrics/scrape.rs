//! What is not counted but looked at when somebody reads the metrics: places, plugins, media, credentials that rest. Then all
//! of it as text. Nothing is decided here.

use std::sync::Arc;

use creel_engine::{Places, PluginCounts};
use creel_policy::cooldown::{Key, Rest};
use creel_store::media::AreaTotal;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Metrics, NAMES_MAX};

/// What is so at one moment.
pub(super) struct Now {
    pub(super) places: Places,
    pub(super) plugins: Vec<PluginCounts>,
    /// `None`: the database did not answer.
    pub(super) media: Option<Vec<AreaTotal>>,
    pub(super) resting: Vec<(Key, Rest)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Area {
    area: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Resting {
    provider: String,
    credential: String,
    why: &'static str,
}

/// All metrics as text of OpenMetrics.
///
/// # Errors
///
/// Where a metric cannot be written.
pub(super) fn text(metrics: &Metrics, now: Now) -> Result<String, std::fmt::Error> {
    let mut momentary = Registry::with_prefix("creel");
    let places: Family<State, Gauge> = Family::default();
    momentary.register("places", "Places for calls of plugins", places.clone());
    places.get_or_create(&State { state: "used" }).set(whole(now.places.used));
    places.get_or_create(&State { state: "free" }).set(whole(now.places.max.saturating_sub(now.places.used)));
    let pools: Gauge = Gauge::default();
    momentary.register("pools", "Pools of memory for calls of plugins", pools.clone());
    pools.set(whole(now.places.pools));
    register_media(&mut momentary, now.media);
    let resting: Family<Resting, Gauge> = Family::default();
    momentary.register("credentials_resting", "Credentials that are not sent for now, by id", resting.clone());
    for (key, rest) in now.resting.into_iter().take(NAMES_MAX) {
        let label = Resting { provider: key.provider.to_string(), credential: key.credential, why: rest.why.code() };
        resting.get_or_create(&label).inc();
    }
    momentary.register_collector(Box::new(Plugins(now.plugins)));
    let mut text = String::new();
    encode_registry(&mut text, &metrics.registry)?;
    encode_registry(&mut text, &momentary)?;
    encode_eof(&mut text)?;
    Ok(text)
}

fn register_media(registry: &mut Registry, areas: Option<Vec<AreaTotal>>) {
    let Some(areas) = areas else { return };
    let media: Family<Area, Gauge> = Family::default();
    let (bytes, quota) = (media_family(), media_family());
    registry.register("media", "Media by area", media.clone());
    registry.register_with_unit("media", "Bytes of media by area", Unit::Bytes, bytes.clone());
    registry.register_with_unit("media_quota", "Bytes that an area may hold", Unit::Bytes, quota.clone());
    // Each agent may have an area: those that are too many are left out, since a sum of some would mislead.
    for total in areas.into_iter().take(NAMES_MAX) {
        let label = Area { area: total.area };
        media.get_or_create(&label).set(whole(total.media));
        bytes.get_or_create(&label).set(whole(total.bytes));
        quota.get_or_create(&label).set(whole(total.quota_bytes));
    }
}

fn media_family() -> Family<Area, Gauge> {
    Family::default()
}

fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// What the engine has counted of each plugin.
#[derive(Debug)]
struct Plugins(Vec<PluginCounts>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Plugin {
    plugin: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fault {
    plugin: Arc<str>,
    fault: &'static str,
}

impl Collector for Plugins {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let of = |counts: &PluginCounts| Plugin { plugin: counts.plugin.as_str().into() };
        let help = "Calls of plugins under way.";
        let mut live = encoder.encode_descriptor("plugin_live_calls", help, None, MetricType::Gauge)?;
        for counts in &self.0 {
            live.encode_family(&of(counts))?.encode_gauge(&whole(counts.live))?;
        }
        let (help, unit) = ("Calls of plugins that are over.", Unit::Seconds);
        let mut calls = encoder.encode_descriptor("plugin_call", help, Some(&unit), MetricType::Histogram)?;
        for counts in &self.0 {
            let label = of(counts);
            let mut one = calls.encode_family(&label)?;
            one.encode_histogram::<Plugin>(counts.seconds, counts.calls, &counts.buckets, None)?;
        }
        let help = "Calls that were ended because of what the plugin did.";
        let mut faults = encoder.encode_descriptor("plugin_faults", help, None, MetricType::Counter)?;
        for counts in &self.0 {
            for (fault, count) in &counts.faults {
                let label = Fault { plugin: counts.plugin.as_str().into(), fault };
                ConstCounter::new(*count).encode(faults.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}
