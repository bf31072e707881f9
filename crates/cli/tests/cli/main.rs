//! The command as its users meet it: arguments, files, standard streams and exit status.

mod attack;
mod bad_input;
mod beside;
mod beyond_memory;
mod chain;
mod classes;
mod compare;
mod data;
mod deep;
mod defaults;
#[cfg(feature = "fetch")]
mod fetch;
mod guide;
mod images;
mod interchange;
mod layers;
mod limits;
mod loss;
mod many_rows;
mod messy;
mod model;
mod names;
mod polish;
mod reading;
mod report;
mod reproduce;
mod run;
mod schemas;
mod several_classes;
mod sound;
mod targets;
mod tolerance;
mod train;
mod train_beyond_memory;
mod verify;
