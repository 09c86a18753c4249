//! The author's view of a plugin that makes other forms of pictures, and the export that calls it. There are no
//! commands and so no driver here: one question, one answer.

use crate::bindings::picture::exports::creel::plugin::picture_tools as wit;
use crate::bindings::words::creel::plugin::io::Context;
use crate::bindings::words::creel::plugin::types::Media;

pub use wit::{Bounds, Made, Outcome, ToolError, ToolFault, Wishes};

/// Tools for pictures. Export them with [`picture_tools!`](crate::picture_tools!).
pub trait PictureTools: 'static {
    /// Makes a picture fulfil the wishes. It lies in `/media`, beneath the last segment of its handle; what is made of
    /// it goes to `/out`.
    ///
    /// # Errors
    ///
    /// A [`ToolError`] that says to people why no such form of it can be made.
    fn fit(cx: Context, picture: Media, wishes: Wishes) -> Result<Outcome, ToolError>;
}

/// Lets the export macro check its argument on every target.
#[doc(hidden)]
pub fn assert_picture_tools<T: PictureTools>() {}

/// Exports a [`PictureTools`] as the component's `picture-tools`.
#[macro_export]
macro_rules! picture_tools {
    ($tools:ty) => {
        const _: fn() = $crate::picture::assert_picture_tools::<$tools>;
        // A native library cannot hold the names of the exports.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::bindings::picture::exports::creel::plugin::picture_tools::Guest for Exported {
                fn fit(
                    context: $crate::Context,
                    picture: $crate::Media,
                    wishes: $crate::picture::Wishes,
                ) -> Result<$crate::picture::Outcome, $crate::picture::ToolError> {
                    <$tools as $crate::picture::PictureTools>::fit(context, picture, wishes)
                }
            }
    $crate::bindings::picture::export_picture!(Exported with_types_in $crate::bindings::picture);
        };
    };
}
