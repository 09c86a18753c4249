//! The form of an upload: which fields each dialect has, each at most once, and what they may say. The bytes of the file
//! itself are read elsewhere.

use super::{PURPOSES, any_of, refused, whole_number};
use crate::{ApiError, ErrorKind, Shape};

/// Bytes of a field beside the file: the longest value that is taken has ten, and one that is refused is shown.
pub const FORM_TEXT_BYTES_MAX: usize = 1 << 10;

/// Seconds that a file of OpenAI's may be kept for: an hour to thirty days.
const OPENAI_SECONDS: (u64, u64) = (3_600, 2_592_000);
/// The same of Anthropic's: an hour to ninety days.
const ANTHROPIC_SECONDS: (u64, u64) = (3_600, 7_776_000);

/// A field that an upload may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormField {
    /// The bytes.
    File,
    /// What they are for.
    Purpose,
    /// From when on the seconds of OpenAI's clients count.
    Anchor,
    /// How long the file is kept, in the words of OpenAI's clients.
    Seconds,
    /// The same in those of Anthropic's.
    Lifetime,
}

impl FormField {
    /// As it is written in the form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Purpose => "purpose",
            Self::Anchor => "expires_after[anchor]",
            Self::Seconds => "expires_after[seconds]",
            Self::Lifetime => "expires_in_seconds",
        }
    }

    fn all(shape: Shape) -> &'static [Self] {
        match shape {
            Shape::Openai => &[Self::File, Self::Purpose, Self::Anchor, Self::Seconds],
            Shape::Anthropic => &[Self::File, Self::Lifetime],
        }
    }
}

/// What an upload says of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileTold {
    /// What it is for. Anthropic's clients do not say.
    pub purpose: Option<String>,
    /// Seconds that it is kept for, where it says so.
    pub lasts_s: Option<u64>,
}

/// A form, as far as it was read.
#[derive(Clone, Debug)]
pub struct FileForm {
    shape: Shape,
    seen: Vec<FormField>,
    told: FileTold,
}

impl FileForm {
    /// One of which nothing was read.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self { shape, seen: Vec::new(), told: FileTold::default() }
    }

    /// Says which field has begun.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] for one that the dialect does not have, or that was there before.
    pub fn begin(&mut self, name: &str) -> Result<FormField, ApiError> {
        let all = FormField::all(self.shape);
        let Some(field) = all.iter().copied().find(|field| field.name() == name) else {
            let known = any_of(all.iter().map(|field| field.name()));
            return Err(refused(name, &format!("is no field of an upload, which has {known}")));
        };
        if self.seen.contains(&field) {
            return Err(refused(name, "stands in the form more than once"));
        }
        self.seen.push(field);
        Ok(field)
    }

    /// Takes what a field says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] for what it must not say.
    pub fn take(&mut self, field: FormField, value: &str) -> Result<(), ApiError> {
        match field {
            FormField::File => {}
            FormField::Purpose if PURPOSES.contains(&value) => self.told.purpose = Some(value.to_owned()),
            FormField::Purpose => return Err(refused(field.name(), &super::not_one_of(&PURPOSES, value))),
            FormField::Anchor if value == "created_at" => {}
            FormField::Anchor => return Err(refused(field.name(), &super::not_one_of(&["created_at"], value))),
            FormField::Seconds => self.told.lasts_s = Some(whole_number(field.name(), value, OPENAI_SECONDS)?),
            FormField::Lifetime => self.told.lasts_s = Some(whole_number(field.name(), value, ANTHROPIC_SECONDS)?),
        }
        Ok(())
    }

    /// What the whole form says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where a field is missing.
    pub fn end(self) -> Result<FileTold, ApiError> {
        let has = |field| self.seen.contains(&field);
        if !has(FormField::File) {
            return Err(ApiError::new(ErrorKind::InvalidRequest, "the form has no field `file`").about("file"));
        }
        if self.shape == Shape::Openai && !has(FormField::Purpose) {
            let which = any_of(PURPOSES.iter().copied());
            return Err(refused("purpose", &format!("is missing: it must be one of {which}")));
        }
        for (one, other) in [(FormField::Anchor, FormField::Seconds), (FormField::Seconds, FormField::Anchor)] {
            if has(one) && !has(other) {
                return Err(refused(other.name(), &format!("is missing: `{}` means nothing without it", one.name())));
            }
        }
        Ok(self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a form, and gives what it says or why it is refused: the field and the words.
    fn read(shape: Shape, fields: &[(&str, &str)]) -> Result<FileTold, (String, String)> {
        let mut form = FileForm::new(shape);
        let mut read = || {
            for (name, value) in fields {
                let field = form.begin(name)?;
                form.take(field, value)?;
            }
            form.clone().end()
        };
        read().map_err(|error: ApiError| {
            assert_eq!(error.kind, ErrorKind::InvalidRequest);
            (error.param.expect("it is about a field"), error.message)
        })
    }

    fn refuse(shape: Shape, fields: &[(&str, &str)], param: &str, words: &str) {
        assert_eq!(read(shape, fields), Err((param.to_owned(), words.to_owned())), "{fields:?}");
    }

    const FILE: (&str, &str) = ("file", "");
    const VISION: (&str, &str) = ("purpose", "vision");
    const ANCHOR: (&str, &str) = ("expires_after[anchor]", "created_at");

    #[test]
    fn each_dialect_has_its_own_fields() {
        for purpose in ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"] {
            let told = FileTold { purpose: Some(purpose.to_owned()), lasts_s: None };
            assert_eq!(read(Shape::Openai, &[FILE, ("purpose", purpose)]), Ok(told.clone()));
            assert_eq!(read(Shape::Openai, &[("purpose", purpose), FILE]), Ok(told), "the order says nothing");
        }
        assert_eq!(read(Shape::Anthropic, &[FILE]), Ok(FileTold::default()));
        let told = |purpose: Option<&str>, lasts_s| {
            Ok(FileTold { purpose: purpose.map(str::to_owned), lasts_s: Some(lasts_s) })
        };
        for (seconds, lasts_s) in [("3600", 3_600), ("2592000", 2_592_000)] {
            let fields = [ANCHOR, FILE, ("expires_after[seconds]", seconds), VISION];
            assert_eq!(read(Shape::Openai, &fields), told(Some("vision"), lasts_s));
        }
        for (seconds, lasts_s) in [("3600", 3_600), ("7776000", 7_776_000)] {
            assert_eq!(read(Shape::Anthropic, &[FILE, ("expires_in_seconds", seconds)]), told(None, lasts_s));
        }
        let openai = "is no field of an upload, which has `file`, `purpose`, `expires_after[anchor]`, \
                      `expires_after[seconds]`";
        for name in ["expires_in_seconds", "Purpose", "purpose ", "expires_after", "expires_after[secs]", ""] {
            refuse(Shape::Openai, &[FILE, VISION, (name, "x")], name, &format!("`{name}` {openai}"));
        }
        for name in ["purpose", "expires_after[seconds]", "betas"] {
            let words = format!("`{name}` is no field of an upload, which has `file`, `expires_in_seconds`");
            refuse(Shape::Anthropic, &[FILE, (name, "x")], name, &words);
        }
    }

    #[test]
    fn what_is_said_twice_is_refused() {
        for shape in [Shape::Openai, Shape::Anthropic] {
            refuse(shape, &[FILE, FILE], "file", "`file` stands in the form more than once");
        }
        let words = "`purpose` stands in the form more than once";
        refuse(Shape::Openai, &[VISION, FILE, VISION], "purpose", words);
        let words = "`expires_after[anchor]` stands in the form more than once";
        refuse(Shape::Openai, &[VISION, FILE, ANCHOR, ANCHOR], "expires_after[anchor]", words);
    }

    #[test]
    fn what_is_missing_is_named() {
        refuse(Shape::Openai, &[VISION], "file", "the form has no field `file`");
        refuse(Shape::Anthropic, &[], "file", "the form has no field `file`");
        let words = "`purpose` is missing: it must be one of `assistants`, `batch`, `fine-tune`, `vision`, `user_data`, \
                     `evals`";
        refuse(Shape::Openai, &[FILE], "purpose", words);
        let words = "`expires_after[seconds]` is missing: `expires_after[anchor]` means nothing without it";
        refuse(Shape::Openai, &[FILE, VISION, ANCHOR], "expires_after[seconds]", words);
        let words = "`expires_after[anchor]` is missing: `expires_after[seconds]` means nothing without it";
        let seconds = ("expires_after[seconds]", "3600");
        refuse(Shape::Openai, &[FILE, VISION, seconds], "expires_after[anchor]", words);
    }

    #[test]
    fn values_are_those_that_are_known() {
        for (purpose, shown) in
            [("", ""), ("Vision", "Vision"), ("vision ", "vision "), ("batch_output", "batch_output"), ("a\nb", "ab")]
        {
            let words = format!(
                "`purpose` must be one of `assistants`, `batch`, `fine-tune`, `vision`, `user_data`, `evals`, and not \
                 `{shown}`"
            );
            refuse(Shape::Openai, &[FILE, ("purpose", purpose)], "purpose", &words);
        }
        let words = "`expires_after[anchor]` must be `created_at`, and not `last_active_at`";
        let anchor = ("expires_after[anchor]", "last_active_at");
        refuse(Shape::Openai, &[FILE, VISION, anchor], "expires_after[anchor]", words);
        for seconds in ["3599", "2592001", "", "-1", "+3600", "3600.0", "1e4", "99999999999999999999"] {
            let words =
                format!("`expires_after[seconds]` must be a whole number from 3600 to 2592000, and not `{seconds}`");
            let fields = [FILE, VISION, ANCHOR, ("expires_after[seconds]", seconds)];
            refuse(Shape::Openai, &fields, "expires_after[seconds]", &words);
        }
        for seconds in ["3599", "7776001"] {
            let words =
                format!("`expires_in_seconds` must be a whole number from 3600 to 7776000, and not `{seconds}`");
            let fields = [FILE, ("expires_in_seconds", seconds)];
            refuse(Shape::Anthropic, &fields, "expires_in_seconds", &words);
        }
    }
}
