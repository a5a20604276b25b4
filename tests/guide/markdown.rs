//! Fenced blocks of a page.

use std::ops::Range;

/// A fenced block.
pub struct Block {
    /// The first word after the fence.
    pub language: String,
    /// The words after it, which forges and mdbook ignore.
    pub words: Vec<String>,
    /// Where its text is in the page.
    pub place: Range<usize>,
}

impl Block {
    pub fn text<'page>(&self, page: &'page str) -> &'page str {
        &page[self.place.clone()]
    }

    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    /// The number after the word `terminal`.
    pub fn terminal(&self) -> Option<usize> {
        let after = self.words.iter().skip_while(|word| *word != "terminal").nth(1)?;
        Some(after.parse().expect("the number of a terminal"))
    }

    /// The program after the word `needs`.
    pub fn needed(&self) -> Option<&str> {
        let after = self.words.iter().skip_while(|word| *word != "needs").nth(1)?;
        Some(after)
    }
}

pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut at = 0;
    for line in page.split_inclusive('\n') {
        match (line.trim_end().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => {
                let mut block = open.take().expect("an open block");
                block.place.end = at;
                blocks.push(block);
            }
            (Some(info), None) => {
                let mut words = info.split(' ').map(str::to_owned);
                open = Some(Block {
                    language: words.next().unwrap_or_default(),
                    words: words.collect(),
                    place: at + line.len()..at,
                });
            }
            (None, _) => {}
        }
        at += line.len();
    }
    assert!(open.is_none(), "a block without end");
    blocks
}

/// The page without its fenced blocks.
pub fn prose(page: &str) -> String {
    let mut is_prose = true;
    let mut prose = String::new();
    for line in page.split_inclusive('\n') {
        let is_fence = line.starts_with("```");
        if is_prose && !is_fence {
            prose += line;
        }
        is_prose ^= is_fence;
    }
    prose
}

/// Text and target of each link and picture.
pub fn links(page: &str) -> Vec<(String, String)> {
    let prose = prose(page).replace('\n', " ");
    let pieces: Vec<&str> = prose.split("](").collect();
    let pairs = pieces.windows(2).filter_map(|pair| {
        let text = pair[0].rsplit_once('[')?.1;
        let target = pair[1].split_once(')')?.0;
        Some((text.to_owned(), target.to_owned()))
    });
    pairs.collect()
}
