//! Files that ask for more than they hold, that mean two things, or that are damaged.

use super::*;

#[test]
fn a_small_file_cannot_unpack_to_a_large_one() {
    // A graph (field 7) of empty nodes, two bytes each.
    let nodes = [0x0a, 0x00].repeat(100_001);
    let mut bytes = vec![0x3a];
    prost::encoding::encode_varint(nodes.len() as u64, &mut bytes);
    bytes.extend(nodes);
    let error = parse(&bytes, "f").unwrap_err();
    assert_eq!(error.what, "f has more than 100000000 cells, which is the limit");
    let few = Limits { bytes: 10, ..Limits::default() };
    assert!(parse_within(&bytes, "f", &few).unwrap_err().what.contains("more than the limit of 10"));
    let mut large = model(dense());
    large.graph.as_mut().unwrap().initializer.push(tensor("unused", &[300_000], &[0.5; 300_000]));
    let few = Limits { cells: 250_000, ..Limits::default() };
    let error = parse_within(&large.encode_to_vec(), "f", &few).unwrap_err();
    assert!(error.what.starts_with("f has 300") && error.what.ends_with("cells, more than the limit of 250000"));
}

#[test]
fn names_that_mean_two_things_are_refused() {
    let refused = |change: &dyn Fn(&mut messages::Model)| {
        let mut model = model(dense());
        assert!(read(&model).is_ok());
        change(&mut model);
        read(&model).unwrap_err().what
    };
    let in_graph = |change: &dyn Fn(&mut Graph)| refused(&|model| change(model.graph.as_mut().unwrap()));
    let again = in_graph(&|graph| graph.initializer.push(graph.initializer[0].clone()));
    assert!(again.starts_with("f.onnx: the initializer `") && again.ends_with("` is given twice"), "{again}");
    let unused = in_graph(&|graph| {
        graph.initializer.extend([tensor("unused", &[1], &[0.0]), tensor("unused", &[1], &[1.0])]);
    });
    assert_eq!(unused, "f.onnx: the initializer `unused` is given twice");
    let made = in_graph(&|graph| graph.node.push(graph.node[0].clone()));
    assert!(made.ends_with("` is made twice"), "{made}");
    let shadowed = in_graph(&|graph| graph.node[0].output[0] = graph.initializer[0].name.clone());
    assert!(shadowed.ends_with("` is made twice"), "{shadowed}");
    let input = in_graph(&|graph| graph.input.push(graph.input[0].clone()));
    assert!(input.starts_with("f.onnx: the input `") && input.ends_with("` is given twice"), "{input}");
    let attribute = in_graph(&|graph| {
        graph.node[0].attribute.extend(["x", "x"].map(|name| Attribute { name: name.into(), ..int(1) }));
    });
    assert!(attribute.ends_with("has the attribute `x` twice"), "{attribute}");
    let key = |key: &str, value: &str| messages::Entry { key: key.into(), value: value.into() };
    let metadata = refused(&|model| model.metadata.extend([key("k", "1"), key("k", "2")]));
    assert_eq!(metadata, "f.onnx: its metadata have the key `k` twice");
}

#[test]
fn a_matrix_that_is_used_again_and_again_is_counted() {
    let side = 64i64;
    let mut nodes = vec![node("Identity", &["x"], "0")];
    for k in 0..200 {
        nodes.push(node("Transpose", &["big"], &format!("t{k}")));
        nodes.push(node("MatMul", &[&k.to_string(), &format!("t{k}")], &(k + 1).to_string()));
    }
    nodes.push(node("Identity", &["200"], "y"));
    let mut model = model(nodes);
    let graph = model.graph.as_mut().unwrap();
    graph.initializer.push(tensor("big", &[side, side], &vec![0.0; (side * side) as usize]));
    graph.input = vec![value("x", &[None, Some(side)])];
    assert!(read(&model).unwrap_err().what.contains("used many times before"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes, "f");
    }

    #[test]
    fn no_damage_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(), whole in any::<bool>(),
    ) {
        let mut bytes = model(dense()).encode_to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = parse(&bytes, "f");
    }
}

#[test]
fn a_file_that_is_cut_short_is_refused_everywhere() {
    let bytes = to_bytes(&layered(), None, None, &[], Precision::F64);
    for cut in 0..bytes.len() {
        assert!(parse(&bytes[..cut], "f").is_err(), "cut at {cut}");
    }
}
