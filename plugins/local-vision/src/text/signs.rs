//! Spells what the network says: the likeliest sign of each step, with repetitions and silence taken out.

/// The signs in the order of the network's outputs. One more output stands for silence, between two signs.
const SIGNS: &str =
    " CHES-RIKNGB85F,(/LT)OY.DAMUP[]970142W3<>\"VX'~!JQZ+@&’=_€™“|?:6{}$;\\—”*#»®%£«°©§¥¢‘inculatemosghbzvqfrwpdkxyjé";

/// A line that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) text: String,
    /// The mean likelihood of its signs, from zero to one.
    pub(crate) certainty: f32,
}

/// Reads the likelihoods of all steps.
pub(crate) fn spell(steps: &[Vec<f32>]) -> Reading {
    let mut text = String::new();
    let mut certainties: Vec<f32> = Vec::new();
    let mut before = None;
    for step in steps {
        let likeliest = step.iter().copied().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((output, likelihood)) = likeliest else {
            continue;
        };
        if before == Some(output) {
            // The same sign goes on; it is as certain as its best step.
            if let Some(last) = certainties.last_mut().filter(|_| SIGNS.chars().nth(output).is_some()) {
                *last = last.max(likelihood);
            }
        } else if let Some(sign) = SIGNS.chars().nth(output) {
            text.push(sign);
            certainties.push(likelihood);
        }
        before = Some(output);
    }
    let certainty = certainties.iter().fold(0.0, |sum, next| sum + next) / certainties.len().max(1) as f32;
    Reading { text: text.trim().to_owned(), certainty }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps at which one output is as likely as this.
    fn steps(likeliest: &[(char, f32)]) -> Vec<Vec<f32>> {
        let step = |(sign, likelihood): &(char, f32)| {
            let mut step = vec![0.0; 111];
            step[SIGNS.chars().position(|other| other == *sign).unwrap_or(110)] = *likelihood;
            step
        };
        likeliest.iter().map(step).collect()
    }

    fn check(likeliest: &[(char, f32)], text: &str, certainty: f32) {
        assert_eq!(spell(&steps(likeliest)), Reading { text: text.to_owned(), certainty });
    }

    #[test]
    fn there_is_a_sign_for_every_output_but_silence() {
        assert_eq!(SIGNS.chars().count(), 110);
    }

    #[test]
    fn repetitions_are_one_sign_unless_silence_parts_them() {
        check(&[('a', 0.5), ('a', 1.0), ('a', 0.5)], "a", 1.0);
        check(&[('e', 1.0), ('\0', 1.0), ('e', 0.5)], "ee", 0.75);
        check(&[('\0', 1.0), ('a', 0.5), ('\0', 1.0), ('\0', 1.0), ('b', 1.0)], "ab", 0.75);
        check(&[(' ', 1.0), ('a', 1.0), (' ', 1.0), ('b', 1.0), (' ', 1.0)], "a b", 1.0);
    }

    #[test]
    fn silence_is_no_text() {
        check(&[], "", 0.0);
        check(&[('\0', 1.0), ('\0', 1.0)], "", 0.0);
    }
}
