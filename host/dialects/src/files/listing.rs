//! The query of a list of files, in OpenAI's words and in Anthropic's. Which files there are is no matter here.

use super::{PAGE_PREFIX, PURPOSES, any_of, not_one_of, refused, shown, whole_number};
use crate::{ApiError, Shape};

/// The purposes of files that OpenAI makes itself: here nobody does, and who asks for them gets none.
const PURPOSES_OF_MADE: [&str; 3] = ["assistants_output", "batch_output", "fine-tune-results"];
/// Files of one list of OpenAI's; as many where the client does not say.
const OPENAI_LIMIT: u64 = 10_000;
/// The same of Anthropic's.
const ANTHROPIC_LIMIT: u64 = 1_000;
/// Files of a list of Anthropic's where the client does not say.
const ANTHROPIC_LIMIT_USUAL: u64 = 20;
/// Ids that one list may name.
const IDS_MAX: usize = 100;

/// What Anthropic's clients send with every request of what was a beta once, and what it says is nothing.
const SAYS_NOTHING: &str = "beta";

/// Which files a client wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesQuery {
    /// How many at most.
    pub limit: usize,
    /// Whether the oldest come first, and not the newest.
    pub oldest_first: bool,
    /// Where the page lies.
    pub place: FilesPlace,
    /// Those of one purpose alone.
    pub purpose: Option<String>,
    /// None but these.
    pub ids: Option<Vec<String>>,
}

/// Where a page of files lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesPlace {
    /// At the beginning.
    First,
    /// It begins behind a file.
    Behind(FilesCursor),
    /// It ends before a file.
    Before(FilesCursor),
}

/// A file that says where a page lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesCursor {
    /// Its id.
    pub id: String,
    /// The parameter that named it.
    pub param: &'static str,
}

/// Reads the query of a list, as pairs of names and values.
///
/// # Errors
///
/// [`crate::ErrorKind::InvalidRequest`] for a value that the dialect does not have, with the parameter, and for a parameter
/// that it does not have: a filter that is passed over would show files that nobody asked for.
pub fn read_files_query(shape: Shape, pairs: &[(String, String)]) -> Result<FilesQuery, ApiError> {
    match shape {
        Shape::Openai => openai(&Query::of(pairs, &["limit", "order", "after", "purpose"])?),
        Shape::Anthropic => anthropic(&Query::of(pairs, &["limit", "before_id", "after_id", "page", "ids"])?),
    }
}

fn openai(query: &Query<'_>) -> Result<FilesQuery, ApiError> {
    let limit = query.limit(OPENAI_LIMIT)?;
    let order = query.one("order")?;
    let oldest_first = match order {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(other) => return Err(refused("order", &not_one_of(&["asc", "desc"], other))),
    };
    let purpose = query.one("purpose")?;
    if let Some(purpose) = purpose.filter(|purpose| !PURPOSES.iter().chain(&PURPOSES_OF_MADE).any(|one| one == purpose))
    {
        return Err(refused("purpose", &not_one_of(&PURPOSES, purpose)));
    }
    let after = query.one("after")?.map(|id| FilesCursor { id: id.to_owned(), param: "after" });
    Ok(FilesQuery {
        limit: limit.unwrap_or(count(OPENAI_LIMIT)),
        oldest_first,
        place: after.map_or(FilesPlace::First, FilesPlace::Behind),
        purpose: purpose.map(str::to_owned),
        ids: None,
    })
}

fn anthropic(query: &Query<'_>) -> Result<FilesQuery, ApiError> {
    let limit = query.limit(ANTHROPIC_LIMIT)?;
    let mut places = Vec::new();
    if let Some(id) = query.one("before_id")? {
        places.push(FilesPlace::Before(FilesCursor { id: id.to_owned(), param: "before_id" }));
    }
    if let Some(id) = query.one("after_id")? {
        places.push(FilesPlace::Behind(FilesCursor { id: id.to_owned(), param: "after_id" }));
    }
    if let Some(page) = query.one("page")? {
        let Some(id) = page.strip_prefix(PAGE_PREFIX) else {
            let words = format!("must be the `next_page` of an earlier list, and not `{}`", shown(page));
            return Err(refused("page", &words));
        };
        places.push(FilesPlace::Behind(FilesCursor { id: id.to_owned(), param: "page" }));
    }
    let mut ids: Vec<String> = query.all("ids").map(str::to_owned).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > IDS_MAX {
        return Err(refused("ids", &format!("must be at most {IDS_MAX} ids, and not {}", ids.len())));
    }
    if !ids.is_empty() && (limit.is_some() || !places.is_empty()) {
        return Err(refused("ids", "names the files: it goes with no `limit` and no place of a page"));
    }
    if places.len() > 1 {
        return Err(refused(
            param(&places[1]),
            &format!("goes with no `{}`: a page lies in one place", param(&places[0])),
        ));
    }
    let usual = if ids.is_empty() { count(ANTHROPIC_LIMIT_USUAL) } else { IDS_MAX };
    Ok(FilesQuery {
        limit: limit.unwrap_or(usual),
        oldest_first: false,
        place: places.pop().unwrap_or(FilesPlace::First),
        purpose: None,
        ids: Some(ids).filter(|ids| !ids.is_empty()),
    })
}

fn param(place: &FilesPlace) -> &'static str {
    match place {
        FilesPlace::First => "limit",
        FilesPlace::Behind(cursor) | FilesPlace::Before(cursor) => cursor.param,
    }
}

/// A query whose names are all known.
struct Query<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Query<'a> {
    fn of(pairs: &'a [(String, String)], known: &[&str]) -> Result<Self, ApiError> {
        let mut read = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            // A list is written in brackets by some clients.
            let plain = name.strip_suffix("[]").filter(|plain| *plain == "ids").unwrap_or(name);
            if known.contains(&plain) {
                read.push((plain, value.as_str()));
            } else if plain != SAYS_NOTHING {
                let known = any_of(known.iter().copied());
                return Err(refused(name, &format!("is no parameter of this list, which has {known}")));
            }
        }
        Ok(Self(read))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(one, _)| *one == name).map(|(_, value)| *value)
    }

    fn one(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(refused(name, "is said more than once")),
        }
    }

    fn limit(&self, most: u64) -> Result<Option<usize>, ApiError> {
        self.one("limit")?.map(|value| whole_number("limit", value, (1, most)).map(count)).transpose()
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(shape: Shape, query: &str) -> Result<FilesQuery, (Option<String>, String)> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').expect("a pair");
            (name.to_owned(), value.to_owned())
        };
        let pairs: Vec<_> = pairs.map(pair).collect();
        read_files_query(shape, &pairs).map_err(|error| {
            assert_eq!(error.kind, crate::ErrorKind::InvalidRequest);
            (error.param, error.message)
        })
    }

    fn refuse(shape: Shape, query: &str, param: &str, words: &str) {
        assert_eq!(read(shape, query), Err((Some(param.to_owned()), format!("`{param}` {words}"))), "{query}");
    }

    fn cursor(id: &str, param: &'static str) -> FilesCursor {
        FilesCursor { id: id.to_owned(), param }
    }

    #[test]
    fn openais_words_are_read() {
        let usual =
            FilesQuery { limit: 10_000, oldest_first: false, place: FilesPlace::First, purpose: None, ids: None };
        let check = |query: &str, expect: FilesQuery| assert_eq!(read(Shape::Openai, query), Ok(expect), "{query}");
        check("", usual.clone());
        check("beta=true", usual.clone());
        check("limit=1", FilesQuery { limit: 1, ..usual.clone() });
        check("limit=10000&order=desc", usual.clone());
        check("order=asc", FilesQuery { oldest_first: true, ..usual.clone() });
        check("after=file-1", FilesQuery { place: FilesPlace::Behind(cursor("file-1", "after")), ..usual.clone() });
        for purpose in ["assistants", "batch", "fine-tune", "vision", "user_data", "evals", "batch_output"] {
            check(&format!("purpose={purpose}"), FilesQuery { purpose: Some(purpose.to_owned()), ..usual.clone() });
        }
    }

    #[test]
    fn anthropics_words_are_read() {
        let usual = FilesQuery { limit: 20, oldest_first: false, place: FilesPlace::First, purpose: None, ids: None };
        let check = |query: &str, expect: FilesQuery| assert_eq!(read(Shape::Anthropic, query), Ok(expect), "{query}");
        check("", usual.clone());
        check("limit=1000&beta=true", FilesQuery { limit: 1_000, ..usual.clone() });
        check("before_id=a", FilesQuery { place: FilesPlace::Before(cursor("a", "before_id")), ..usual.clone() });
        check("after_id=a", FilesQuery { place: FilesPlace::Behind(cursor("a", "after_id")), ..usual.clone() });
        check("page=page_a", FilesQuery { place: FilesPlace::Behind(cursor("a", "page")), ..usual.clone() });
        let ids = Some(vec!["a".to_owned(), "b".to_owned()]);
        check("ids[]=b&ids[]=a&ids[]=b", FilesQuery { limit: 100, ids: ids.clone(), ..usual.clone() });
        check("ids=a&ids=b", FilesQuery { limit: 100, ids, ..usual });
    }

    #[test]
    fn a_bad_value_is_named_with_what_is_allowed() {
        for limit in ["0", "10001", "", "-1", "+1", "1.5", "ten", "99999999999999999999"] {
            let words = format!("must be a whole number from 1 to 10000, and not `{limit}`");
            refuse(Shape::Openai, &format!("limit={limit}"), "limit", &words);
        }
        refuse(Shape::Anthropic, "limit=0", "limit", "must be a whole number from 1 to 1000, and not `0`");
        refuse(Shape::Anthropic, "limit=1001", "limit", "must be a whole number from 1 to 1000, and not `1001`");
        refuse(Shape::Openai, "order=ASC", "order", "must be one of `asc`, `desc`, and not `ASC`");
        let words = "must be one of `assistants`, `batch`, `fine-tune`, `vision`, `user_data`, `evals`, and not `x`";
        refuse(Shape::Openai, "purpose=x", "purpose", words);
        refuse(Shape::Openai, "limit=1&limit=2", "limit", "is said more than once");
        refuse(Shape::Anthropic, "page=x", "page", "must be the `next_page` of an earlier list, and not `x`");
        let words = "goes with no `before_id`: a page lies in one place";
        refuse(Shape::Anthropic, "after_id=a&before_id=b", "after_id", words);
        refuse(Shape::Anthropic, "page=page_a&before_id=b", "page", words);
        let words = "names the files: it goes with no `limit` and no place of a page";
        refuse(Shape::Anthropic, "ids=a&limit=1", "ids", words);
        refuse(Shape::Anthropic, "ids=a&page=page_b", "ids", words);
        let many: String = (0..101).map(|id| format!("ids={id}&")).collect();
        refuse(Shape::Anthropic, &many, "ids", "must be at most 100 ids, and not 101");
    }

    #[test]
    fn no_parameter_is_passed_over() {
        let words = "is no parameter of this list, which has `limit`, `order`, `after`, `purpose`";
        for name in ["after_id", "ids[]", "limit[]", "Limit"] {
            refuse(Shape::Openai, &format!("{name}=1"), name, words);
        }
        let words = "is no parameter of this list, which has `limit`, `before_id`, `after_id`, `page`, `ids`";
        for name in ["after", "order", "purpose", "scope_id"] {
            refuse(Shape::Anthropic, &format!("{name}=1"), name, words);
        }
    }
}
