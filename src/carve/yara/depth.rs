//! Conditions that nest deeper than anybody writes them: the compiler and the scanner follow them
//! by recursion, and a stack is not without end.

/// Brackets and signs one in the other, and operators one after the other.
const NESTED: usize = 500;
const CHAINED: usize = 5_000;

/// Whether some condition in a text of rules is so deep. Only conditions are looked at: patterns
/// may hold brackets that nobody closes.
pub(super) fn too_deep(text: &str) -> bool {
    let (mut inside, mut depth, mut signs, mut chained) = (false, 0_usize, 0_usize, 0_usize);
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        match word.as_str() {
            "" => {}
            "condition" => (inside, depth, signs, chained) = (true, 0, 0, 0),
            "not" | "defined" => signs += 1,
            _ => signs = 0,
        }
        word.clear();
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '}' => inside = false,
            '-' | '~' => (signs, chained) = (signs + 1, chained + 1),
            '+' | '*' | '\\' | '%' | '&' | '|' | '^' | '<' | '>' => chained += 1,
            _ => {}
        }
        if inside && (depth + signs > NESTED || chained > CHAINED) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::too_deep;

    #[test]
    fn what_nobody_writes() {
        let rule =
            |condition: &str| format!("rule a {{ strings: $a = /((((/ condition: {condition} }}");
        for condition in ["not ".repeat(600), "(".repeat(600), "-".repeat(600), "1+".repeat(6000)] {
            assert!(too_deep(&rule(&condition)), "{}", condition.len());
        }
        let usual = "not $a and (uint16(0) == 0x5a4d or (filesize < 1MB and not defined $a)) ";
        assert!(!too_deep(&rule(usual).repeat(3000)));
    }
}
