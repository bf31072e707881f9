//! What a user may ask of the training of starting networks: only experiment files do.

use super::field::{Command, Field, Kind, Value, Word, put_count, put_number, put_word};
use super::table::Table;
use crate::polish::PRICE;
use crate::range::RADIUS;
use crate::train::{Admm, Adversarial, Descent, Optimizer, RATE, admm};
use Command::Reproduce;

/// What governs the training of starting networks. What these three share, such as the descent of each, is that of `descent`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Starts {
    /// Gradient descent.
    pub descent: Descent,
    /// Adversarial training.
    pub adversarial: Adversarial,
    /// The alternation of gradient descent and a semidefinite program.
    pub admm: Admm,
}

impl Table for Starts {
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "start_decay",
            group: "Start",
            symbol: "λ",
            kind: Kind::Number(PRICE),
            help: "Price of the weights in the training of starting networks, where nothing else prices them",
            commands: &[Reproduce],
            get: |starts| Value::Number(starts.descent.decay),
            set: |starts, value| put_number(value, &mut |price| starts.descent.decay = price),
            ..Field::PLAIN
        },
        Field {
            name: "optimizer",
            group: "Start",
            symbol: "OPTIMIZER",
            kind: Kind::Word(|| Optimizer::ALL.iter().map(|one| Word::new(one.name(), one.help())).collect()),
            help: "How a gradient becomes a step",
            commands: &[Reproduce],
            get: |starts| Value::Word(starts.descent.optimizer.name().into()),
            set: |starts, value| put_word(value, &mut |optimizer| starts.descent.optimizer = optimizer),
            ..Field::PLAIN
        },
        Field {
            name: "rate",
            group: "Start",
            symbol: "RATE",
            kind: Kind::Number(RATE),
            help: "First learning rate",
            commands: &[Reproduce],
            get: |starts| Value::Number(starts.descent.rate),
            set: |starts, value| put_number(value, &mut |rate| starts.descent.rate = rate),
            ..Field::PLAIN
        },
        Field {
            name: "batch",
            group: "Start",
            symbol: "NUMBER",
            kind: Kind::Count(1, u64::MAX),
            help: "Rows of one step of gradient descent",
            commands: &[Reproduce],
            get: |starts| Value::Count(starts.descent.batch as u64),
            set: |starts, value| put_count(value, &mut |rows| starts.descent.batch = rows as usize),
            ..Field::PLAIN
        },
        Field {
            name: "epochs",
            group: "Start",
            symbol: "NUMBER",
            kind: Kind::Count(1, u64::MAX),
            help: "Most passes of gradient descent over the rows",
            commands: &[Reproduce],
            get: |starts| Value::Count(starts.descent.epochs as u64),
            set: |starts, value| put_count(value, &mut |passes| starts.descent.epochs = passes as usize),
            ..Field::PLAIN
        },
        Field {
            name: "adversarial_radius",
            group: "Start",
            symbol: "RADIUS",
            kind: Kind::Number(RADIUS),
            help: "How far adversarial training moves the inputs",
            commands: &[Reproduce],
            get: |starts| Value::Number(starts.adversarial.radius),
            set: |starts, value| put_number(value, &mut |radius| starts.adversarial.radius = radius),
            ..Field::PLAIN
        },
        Field {
            name: "adversarial_steps",
            group: "Start",
            symbol: "NUMBER",
            kind: Kind::Count(1, u64::MAX),
            help: "Steps in which adversarial training moves them",
            commands: &[Reproduce],
            get: |starts| Value::Count(starts.adversarial.steps as u64),
            set: |starts, value| put_count(value, &mut |steps| starts.adversarial.steps = steps as usize),
            ..Field::PLAIN
        },
        Field {
            name: "admm_penalty",
            group: "Start",
            symbol: "NUMBER",
            kind: Kind::Number(admm::PENALTY),
            help: "The penalty r that holds the two copies of ADMM together",
            commands: &[Reproduce],
            get: |starts| Value::Number(starts.admm.penalty),
            set: |starts, value| put_number(value, &mut |penalty| starts.admm.penalty = penalty),
            ..Field::PLAIN
        },
        Field {
            name: "admm_steps",
            group: "Start",
            symbol: "NUMBER",
            kind: Kind::Count(1, u64::MAX),
            help: "Gradient steps of one iteration of ADMM, rounded up to whole passes over the rows",
            commands: &[Reproduce],
            get: |starts| Value::Count(starts.admm.steps as u64),
            set: |starts, value| put_count(value, &mut |steps| starts.admm.steps = steps as usize),
            ..Field::PLAIN
        },
        Field {
            name: "admm_iterations",
            group: "Start",
            symbol: "NUMBER",
            kind: Kind::Count(1, u64::MAX),
            help: "Most iterations of ADMM",
            commands: &[Reproduce],
            get: |starts| Value::Count(starts.admm.iterations as u64),
            set: |starts, value| put_count(value, &mut |count| starts.admm.iterations = count as usize),
            ..Field::PLAIN
        },
    ];
}
