//! Digits that are read from across the bench: 5 by 7 pixels, drawn by colored cells, so no font matters.

/// Pixels of a digit.
pub(super) const WIDTH: usize = 5;
/// Rows of a digit.
pub(super) const HEIGHT: usize = 7;

const DIGITS: [[u8; HEIGHT]; 10] = [
    [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
    [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
    [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
    [0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110],
    [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
    [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
    [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
    [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
    [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
    [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
];
const DASH: [u8; HEIGHT] = [0, 0, 0, 0b01110, 0, 0, 0];

/// Row `row` (from 0 to 6) of `text` as pixels, a dark one between characters. What is no digit is a dash.
pub(super) fn row(text: &str, row: usize) -> Vec<bool> {
    let mut pixels = Vec::new();
    for character in text.chars() {
        let digit =
            character.to_digit(10).and_then(|digit| DIGITS.get(usize::try_from(digit).ok()?));
        let bits = digit.unwrap_or(&DASH)[row];
        if !pixels.is_empty() {
            pixels.push(false);
        }
        pixels.extend((0..WIDTH).rev().map(|bit| bits >> bit & 1 == 1));
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seven_looks_like_a_seven() {
        let picture: Vec<String> = (0..HEIGHT)
            .map(|r| row("7-", r).iter().map(|lit| if *lit { '#' } else { '.' }).collect())
            .collect();
        assert_eq!(
            picture,
            [
                "#####......",
                "....#......",
                "...#.......",
                "..#....###.",
                ".#.........",
                ".#.........",
                ".#........."
            ]
        );
    }
}
