//! What each input causes of the error within the tolerance, as bars.

use super::axes::{Frame, RIGHT, SMALL, Scale};
use super::chart::{Canvas, head};
use super::font;
use super::scene::{Anchor, Ink, Scene};

/// What an input causes of the error within the tolerance.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// The input.
    pub name: String,
    /// How wrong it can be, in words; `None` where it is exact.
    pub amount: Option<String>,
    /// The part of what input errors add that would go if it were exact.
    pub share: f64,
}

/// More inputs than this are not drawn one by one.
const MOST_INPUTS: usize = 15;

/// How much of the error within the tolerance each input causes, the largest part first.
pub fn causes(inputs: &[Cause], canvas: &Canvas) -> Scene {
    const LINE: f64 = 24.0;
    let most = inputs.iter().map(|input| input.share).fold(0.0, f64::max);
    // Of hundreds of inputs each causes little.
    let decimals = if most > 0.0 && most < 0.1 { 1 } else { 0 };
    let percent = |share: f64| format!("{:.decimals$}\u{a0}%", 100.0 * share);
    let write = |input: &Cause| if input.amount.is_some() { percent(input.share) } else { "exact".to_owned() };
    let mut inputs: Vec<&Cause> = inputs.iter().collect();
    inputs.sort_by(|a, b| b.share.total_cmp(&a.share));
    let left_out = inputs.len().saturating_sub(MOST_INPUTS);
    inputs.truncate(MOST_INPUTS);
    let facts: Vec<String> = inputs.iter().map(|input| format!("{}: {}", input.name, write(input))).collect();
    let description =
        format!("The part of what input errors add that would go if one input were exact. {}.", facts.join("; "));
    let mut scene = Scene::new(canvas.width, "What each input causes", description);
    let top = head(&mut scene, canvas, &[]);
    let edge = if canvas.titled { 16.0 } else { 2.0 };
    let names: Vec<String> =
        inputs.iter().map(|input| font::shortened(&input.name, SMALL, 0.36 * canvas.width)).collect();
    let widest = names.iter().map(|name| font::width(name, SMALL)).fold(0.0, f64::max);
    let left = edge + widest + 10.0;
    let width = canvas.width - left - edge - RIGHT;
    // Room for a number to the right of the longest bar.
    let stretch = width / (width - font::width(&percent(1.0), SMALL) - 10.0);
    let x = Scale::linear(0.0, stretch * if most > 0.0 { most } else { 1.0 });
    let height = LINE * inputs.len() as f64;
    let frame = Frame { left, top: top + 8.0, width, height, x, y: Scale::linear(0.0, 1.0) };
    let more = if left_out > 0 { format!("; {left_out} further inputs cause less") } else { String::new() };
    let title = format!("part of the added error that would go if the input were exact{more}");
    let ticks = x.ticks(4).into_iter().filter(|(share, _)| *share <= 1.0);
    let below = frame.draw_x(&mut scene, &title, Some(ticks.map(|(share, _)| (share, percent(share))).collect()));
    for (k, (input, name)) in inputs.iter().zip(names).enumerate() {
        let y = frame.top + LINE * (k as f64 + 0.5);
        let (end, _) = frame.at(input.share, 0.0);
        scene.text((left - 8.0, y + 0.36 * SMALL), name, SMALL, Anchor::End, Ink::Text);
        if input.share > 0.0 {
            scene.line(vec![(left, y), (end, y)], Ink::After, 12.0, false);
        }
        scene.text((end + 6.0, y + 0.36 * SMALL), write(input), SMALL, Anchor::Start, Ink::Text);
    }
    scene.height = frame.bottom() + below;
    scene
}
