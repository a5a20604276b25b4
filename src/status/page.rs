//! The page itself, and what a browser may do with it.

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

/// One file, with nothing loaded from elsewhere.
pub const PAGE: &str = include_str!("page.html");

/// Nothing may be loaded, run or shown except what is in `page` itself: its one script and its one style, by their
/// hashes.
pub fn content_security_policy(page: &str) -> String {
    let hash = |tag: &str| {
        let inner = page
            .split_once(&format!("<{tag}>"))
            .and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")));
        Base64::encode_string(&Sha256::digest(inner.map_or("", |(inner, _)| inner)))
    };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n04_the_page_has_one_script_and_one_style_and_loads_nothing() {
        assert_eq!(PAGE.matches("<script").count(), 1);
        assert_eq!(PAGE.matches("<style").count(), 1);
        assert!(
            PAGE.contains("<script>") && PAGE.contains("<style>"),
            "without attributes"
        );
        for forbidden in [
            "http://",
            "https://",
            "eval(",
            "new Function",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            " style=",
            " onclick=",
            "javascript:",
            "@import",
            "src=",
        ] {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
        let policy = content_security_policy(PAGE);
        assert!(
            !policy.contains("unsafe") && policy.starts_with("default-src 'none'"),
            "{policy}"
        );
    }
}
