//! temporary
/// x
pub fn plugin(id: &str) -> Vec<u8> {
    std::fs::read(format!("/tmp/plugins/{id}.wasm")).expect("built")
}
/// x
pub fn target() -> std::path::PathBuf {
    "/work/main/target".into()
}
