//! A circle of files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::arrows::Arrow;

/// For every circle of files one shortest way around it.
pub fn circles(arrows: &BTreeSet<Arrow>) -> Vec<Vec<Arrow>> {
    let mut next: BTreeMap<&str, BTreeMap<&str, &Arrow>> = BTreeMap::new();
    for arrow in arrows {
        next.entry(&arrow.from).or_default().entry(&arrow.to).or_insert(arrow);
    }
    let mut told = BTreeSet::new();
    let mut circles = Vec::new();
    for &start in next.keys() {
        if told.contains(start) {
            continue;
        }
        if let Some(circle) = around(&next, start) {
            told.extend(circle.iter().map(|arrow| arrow.from.as_str()));
            circles.push(circle.into_iter().cloned().collect());
        }
    }
    circles
}

/// The shortest way from `start` back to it, by breadth-first search.
fn around<'a>(next: &BTreeMap<&'a str, BTreeMap<&'a str, &'a Arrow>>, start: &'a str) -> Option<Vec<&'a Arrow>> {
    let mut came: BTreeMap<&str, &Arrow> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for (&to, &arrow) in next.get(file).into_iter().flatten() {
            if came.contains_key(to) {
                continue;
            }
            came.insert(to, arrow);
            queue.push_back(to);
        }
    }
    let mut way = vec![*came.get(start)?];
    while way[way.len() - 1].from != start {
        way.push(came[way[way.len() - 1].from.as_str()]);
    }
    way.reverse();
    Some(way)
}

/// A circle in words.
pub fn told(circle: &[Arrow]) -> String {
    let lines: Vec<String> = circle.iter().map(|arrow| format!("  {arrow}")).collect();
    format!(
        "a circle of {} files:\n{}\n  move what one of these names, out of the file that defines it, into a file below both",
        circle.len(),
        lines.join("\n")
    )
}
