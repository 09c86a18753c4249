//! What an import would write, or has written, as people read it.

use creel_policy::import::{Note, NoteKind};

use super::{Style, shown};
use crate::views::{FileAction, ImportView, ImportedConversation, ImportedConversations, ImportedMedia};

/// `import openclaw`.
pub(crate) fn import(view: &ImportView, style: Style) -> String {
    let mut text = String::new();
    for name in &view.read {
        text.push_str(&format!("read {}\n", shown(name)));
    }
    for file in &view.files {
        match file.action {
            FileAction::Same => text.push_str(&format!("{} is the same already\n", shown(&file.name))),
            FileAction::Create | FileAction::Replace => text.push_str(&diff(&file.diff, style)),
        }
    }
    for (kind, head) in [(NoteKind::LeftOut, "left out"), (NoteKind::Changed, "changed"), (NoteKind::Kept, "to know")] {
        let notes: Vec<&Note> = view.notes.iter().filter(|note| note.kind == kind).collect();
        if !notes.is_empty() {
            text.push_str(&format!("{}\n", style.bold(&format!("{head} ({}):", notes.len()))));
        }
        for note in notes {
            text.push_str(&format!("  {}\n", shown(&note.problem.to_string())));
            if let Some(hint) = &note.problem.hint {
                text.push_str(&format!("    {} {}\n", style.bold("hint:"), shown(hint)));
            }
        }
    }
    if !view.secrets.is_empty() {
        text.push_str(&format!("{}\n", style.bold(&format!("secrets in plain text ({}):", view.secrets.len()))));
    }
    for secret in &view.secrets {
        text.push_str(&format!("  {}: {}\n", shown(&secret.place.to_string()), secret.value));
        if let Some(hint) = &secret.place.hint {
            text.push_str(&format!("    {} {}\n", style.bold("hint:"), shown(hint)));
        }
    }
    text.push_str(&media(&view.media, style));
    text.push_str(&conversations(&view.conversations, style));
    text.push_str(&verdict(view, style));
    text
}

fn media(media: &ImportedMedia, style: Style) -> String {
    let ImportedMedia { new, there, bytes, skipped } = media;
    let mut text = format!("media: {new} new, {there} here before, {bytes} bytes; {} skipped\n", skipped.len());
    for one in skipped {
        text.push_str(&format!("  {} {}: {}\n", style.dim("skipped"), shown(&one.name), shown(&one.reason)));
    }
    text
}

fn conversations(all: &ImportedConversations, style: Style) -> String {
    let ImportedConversations { taken, skipped } = all;
    let sum = |count: fn(&ImportedConversation) -> usize| taken.iter().map(count).sum::<usize>();
    let (new, there) = (sum(|one| one.new), sum(|one| one.there));
    let mut text = format!(
        "conversations: {}, with {new} messages new, {there} here before; {} skipped\n",
        taken.len(),
        skipped.len()
    );
    for one in taken {
        let ImportedConversation { new, there, media, .. } = one;
        let counts = format!("{new} new, {there} here before, {media} media");
        text.push_str(&format!("  {} as {}: {counts}\n", shown(&one.key), shown(&one.session)));
        if one.late > 0 {
            let why = "came after the session had gone on here, and stay there";
            text.push_str(&format!("    {} {why}\n", one.late));
        }
        for missing in &one.missing {
            text.push_str(&format!("    {} {}\n", style.dim("missing"), shown(missing)));
        }
        for (what, count) in &one.left_out {
            text.push_str(&format!("    {} {}: {count}\n", style.dim("left out"), shown(what)));
        }
        if let Some(remark) = &one.remark {
            text.push_str(&format!("    {} {}\n", style.dim("to know:"), shown(remark)));
        }
    }
    for one in skipped {
        text.push_str(&format!("  {} {}: {}\n", style.dim("skipped"), shown(&one.name), shown(&one.reason)));
    }
    text
}

fn verdict(view: &ImportView, style: Style) -> String {
    if view.refused {
        let there = view.files.iter().filter(|file| file.action == FileAction::Replace);
        let there: Vec<String> = there.map(|file| format!("`{}`", shown(&file.name))).collect();
        let hint = "pass `--force` to replace it; what is there is kept beside it";
        let error = style.red("nothing was written:");
        return format!(
            "{error} {} is there and says something else\n{} {hint}\n",
            there.join(" and "),
            style.bold("hint:")
        );
    }
    if !view.applied {
        return "nothing was written; to write it, run this again with `--apply`\n".to_owned();
    }
    let mut text = String::new();
    for file in &view.files {
        let kept = file.backup.as_ref().map(|name| format!("; what was there is kept in {}", shown(name)));
        if file.action != FileAction::Same {
            text.push_str(&format!("{} {}{}\n", style.green("wrote"), shown(&file.name), kept.unwrap_or_default()));
        }
    }
    text.push_str("see what it comes to with `creel models status` and `creel secrets audit`\n");
    text
}

/// Its lines with colours: no control character of theirs can steer a terminal.
fn diff(text: &str, style: Style) -> String {
    let paint = |line: &str| match line.chars().next() {
        Some('+') => style.green(line),
        Some('-') => style.with("31", line),
        Some('@') => style.dim(line),
        Some(_) | None => line.to_owned(),
    };
    text.lines().map(|line| format!("{}\n", paint(&shown(line)))).collect()
}
