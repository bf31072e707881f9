//! Every kind of bad input gets a message that says what, where and what would do, exit status 2, and writes nothing.

use crate::run::Folder;

const NETWORK: &str = r#"{"w": [[1, -1], [0.5, 2]], "b": [0, -1], "v": [1, -2], "c": 0.5}"#;
const DATA: &str = "a,b,y\n1,2,3\n2,1,4\n0,5,2\n";

struct Case {
    network: &'static str,
    data: &'static str,
    arguments: &'static str,
    err: &'static str,
}

const POLISH: &str = "polish net.json data.csv --out new.json";

fn network(network: &'static str, err: &'static str) -> Case {
    Case { network, data: DATA, arguments: POLISH, err }
}

fn data(data: &'static str, err: &'static str) -> Case {
    Case { network: NETWORK, data, arguments: POLISH, err }
}

fn arguments(arguments: &'static str, err: &'static str) -> Case {
    Case { network: NETWORK, data: DATA, arguments, err }
}

const SHAPE: &str = r#"a network is {"w": [[…], …], "b": […], "v": […], "c": 0.0}, `w` with one row per hidden unit"#;
const FINITE: &str = "every weight must be a finite number";

fn cases() -> Vec<Case> {
    vec![
        // Networks.
        network("", "error: net.json is empty\nhint: SHAPE\n"),
        network(
            r#"{"w": [[1, 2"#,
            "error: net.json: line 1, column 12: the JSON text ends too early\nhint: the file is cut short; write it again\n",
        ),
        network(
            r#"{"w": [], "b": [], "v": []}"#,
            "error: net.json: the network has 0 hidden units and 0 inputs\nhint: a network needs at least one hidden unit and one input\n",
        ),
        network(
            r#"{"w": [[1, 2], [3]], "b": [0, 0], "v": [1, 1]}"#,
            "error: net.json: w[1] has 1 numbers where w[0] has 2\nhint: every row of `w` needs one number per input\n",
        ),
        network(
            r#"{"w": [[1, NaN]], "b": [0], "v": [1]}"#,
            "error: net.json: line 1, column 12: NaN is not a number\nhint: FINITE\n",
        ),
        network(
            r#"{"w": [[1, 1e999]], "b": [0], "v": [1]}"#,
            "error: net.json: line 1, column 16: number out of range\nhint: SHAPE\n",
        ),
        network(
            r#"{"w": [[1, null]], "b": [0], "v": [1]}"#,
            "error: net.json: w[0][1] is null where a number is due\nhint: FINITE\n",
        ),
        network(
            r#"{"w": [[1, 2]], "b": ["zero"], "v": [1]}"#,
            "error: net.json: b[0] is the text \"zero\" where a number is due\nhint: FINITE\n",
        ),
        network(r#"{"w": [[1, 2]], "b": [0]}"#, "error: net.json: the network has no `v`\nhint: SHAPE\n"),
        network(
            r#"{"w": [[1, 2]], "b": [0], "v": [1, 2]}"#,
            "error: net.json: the network's `v` has 2 entries but `w` has 1 rows\nhint: give `v` one entry per hidden unit\n",
        ),
        network(
            r#"{"kind": "mlp", "w": [[1, 2]], "b": [0], "v": [1]}"#,
            "error: net.json: `kind` is not a part of a network\nhint: SHAPE\n",
        ),
        network("[[1]]", "error: net.json holds a list, not an object\nhint: SHAPE\n"),
        network("a,b\n1,2\n", "error: net.json: line 1, column 1: expected value\nhint: SHAPE\n"),
        network(
            r#"{"w": [[1, 2, 3]], "b": [0], "v": [1]}"#,
            "error: the network in net.json has 3 inputs, but data.csv has 2 input columns\nhint: its inputs are a, b and its target is `y`; choose with --target and --drop\n",
        ),
        // Tables.
        data("", "error: data.csv is empty\nhint: give a table with a header and rows of values\n"),
        data(
            "a,b,y\n",
            "error: data.csv has a header but no rows\nhint: at least one row of values is needed; if the first row is data, say that there is no header\n",
        ),
        data(
            "a,b,y\n1,2,3\n4,5\n",
            "error: data.csv: row 2 (line 3) has 2 fields where 3 are due\nhint: every row needs as many fields as the first; fields are separated by `,`\n",
        ),
        data(
            "a,a,y\n1,2,3\n",
            "error: data.csv: columns 1 and 2 are both named `a`\nhint: rename one of them in the header\n",
        ),
        data(
            "a,b,y\n1,2,3\n,5,6\n",
            "error: data.csv: row 2 (line 3), column `a` is missing\nhint: fill the values or drop the rows, or leave the column out; or say what to do with all of them: `--missing drop`, median or indicator\n",
        ),
        data(
            "a,b,y\n1,NA,3\n2,5,6\n",
            "error: data.csv: row 1 (line 2), column `b` is missing (`NA`)\nhint: fill the values or drop the rows, or leave the column out; or say what to do with all of them: `--missing drop`, median or indicator\n",
        ),
        data(
            "a,b,y\n1,2,nan\n2,5,6\n",
            "error: data.csv: row 1 (line 2), column `y` is missing (`nan`)\nhint: fill the values or drop the rows, or leave the column out; or say what to do with all of them: `--missing drop`, median or indicator\n",
        ),
        data(
            "a,b,y\n1,2,3\n2,-inf,6\n",
            "error: data.csv: row 2 (line 3), column `b` is `-inf`, which is not a finite number\nhint: mend the value or drop the row, or leave the column out\n",
        ),
        data(
            "a,b,y\n1,2,3\n2,1e999,6\n",
            "error: data.csv: row 2 (line 3), column `b` is `1e999`, which is not a finite number\nhint: mend the value or drop the row, or leave the column out\n",
        ),
        data(
            "a,b,y\n1,2,3\n2,3,6\n3,4k,7\n",
            "error: data.csv: row 3 (line 4), column `b` is `4k` where most values are numbers\nhint: mend the value or leave the column out; a column counts as words when at least half of it is\n",
        ),
        data(
            "a;b;y\n1;2;3\n2;3;6\n3;4,5;7\n",
            "error: data.csv: row 3 (line 4), column `b` is `4,5` where most values are numbers\nhint: write numbers with a decimal point and without separators of thousands\n",
        ),
        data(
            "a,b,y\n1,2,low\n2,5,high\n",
            "error: data.csv: the target column `y` holds words (`low` in row 1)\nhint: the target must be a number; name another column: `a`, `b`\n",
        ),
        data(
            "a,b,y\n1,2,7\n2,5,7\n",
            "error: data.csv: the target column `y` is 7 in every row\nhint: name the column to predict as the target; there is nothing to learn in a constant\n",
        ),
        data(
            "y\n1\n2\n",
            "error: data.csv has no input column beside the target\nhint: at least one input column and one target column are needed; is the delimiter right?\n",
        ),
        data(
            "{\"rows\": []}",
            "error: data.csv looks like JSON, not like a table\nhint: give the network first and the data second\n",
        ),
        data(
            "PK\x03\x04 a sheet",
            "error: data.csv is a zip archive or a spreadsheet, not a table\nhint: unpack it, or export the sheet as CSV\n",
        ),
        data(
            "a,b,y\n1,2,\"3\n2,5,6\n",
            "error: data.csv: the target column `y` holds words (`3\\n2,5,6` in row 1)\nhint: the target must be a number; name another column: `a`, `b`\n",
        ),
        // Arguments.
        arguments(
            "polish net.json data.csv --method joint --effort high --out new.json",
            "error: the method `joint` was given the effort `high`, which it does not use\nhint: only the method `walk` can use more time; leave the method or the effort out\n",
        ),
        arguments(
            "polish none.json data.csv --out new.json",
            "error: none.json could not be read: No such file or directory (os error 2)\nhint: check the path\n",
        ),
        arguments(
            "polish net.json none.csv --out new.json",
            "error: none.csv could not be read: No such file or directory (os error 2)\nhint: check the path\n",
        ),
        arguments(
            "polish net.json . --out new.json",
            "error: . is a folder without Parquet files (*.parquet)\nhint: give the path of a file, or a pattern in quotation marks, such as './*.csv'\n",
        ),
        arguments(
            "polish net.json data.csv --target z --out new.json",
            "error: data.csv has no column `z`\nhint: its columns are `a`, `b`, `y`\n",
        ),
        arguments(
            "polish net.json data.csv --target Y --out new.json",
            "error: data.csv has no column `Y`\nhint: did you mean `y`?\n",
        ),
        arguments(
            "polish net.json data.csv --out net.json",
            "error: net.json exists already\nhint: give another name, or replace it with `--force`\n",
        ),
        arguments(
            "polish net.json data.csv --out none/new.json",
            "error: none/new.json could not be written: No such file or directory (os error 2)\nhint: make the folder first\n",
        ),
        arguments(
            "polish net.json data.csv --out .",
            "error: . is a folder and cannot be written\nhint: give the path of a file to write\n",
        ),
        arguments(
            "polish net.json data.csv --lipschitz-price -1 --out new.json",
            "error: invalid value '-1' for '--lipschitz-price <λ>': it must not be negative\nHINT",
        ),
        arguments(
            "polish net.json data.csv --decay nan --out new.json",
            "error: invalid value 'nan' for '--decay <λ>': it must be finite\nHINT",
        ),
        arguments(
            "polish net.json data.csv --lipschitz-price much --out new.json",
            "error: invalid value 'much' for '--lipschitz-price <λ>': it must be a number\nHINT",
        ),
        arguments(
            "polish net.json data.csv --max-lipschitz 0 --out new.json",
            "error: invalid value '0' for '--max-lipschitz <L>': it must be above zero\nHINT",
        ),
        arguments(
            "polish net.json data.csv --time-limit -3 --out new.json",
            "error: invalid value '-3' for '--time-limit <TIME>': it must not be negative\nHINT",
        ),
        arguments(
            "polish net.json data.csv --norm 3 --out new.json",
            "error: invalid value '3' for '--norm <NORM>'\n  [possible values: 2, inf, 1]\nHINT",
        ),
        arguments(
            "certify none.json",
            "error: none.json could not be read: No such file or directory (os error 2)\nhint: check the path\n",
        ),
        arguments("certify data.csv", "error: data.csv: line 1, column 1: expected value\nhint: SHAPE\n"),
        arguments(
            "certify net.json --out data.csv",
            "error: data.csv exists already\nhint: give another name, or replace it with `--force`\n",
        ),
    ]
}

#[test]
fn every_kind_has_its_message_and_writes_nothing() {
    let mut wrong = Vec::new();
    let distinct: std::collections::HashSet<String> = cases().iter().map(|case| case.err.replace("HINT", "")).collect();
    assert!(distinct.len() >= 40, "{} kinds", distinct.len());
    for case in cases() {
        let folder = Folder::new();
        folder.write("net.json", case.network);
        folder.write("data.csv", case.data);
        let before = folder.contents();
        let ran = folder.tautnet(case.arguments);
        let expected = case
            .err
            .replace("SHAPE", SHAPE)
            .replace("FINITE", FINITE)
            .replace("HINT", "hint: `--help` after the command shows every flag\n");
        if (ran.code, ran.err.as_str(), ran.out.as_str()) != (Some(2), expected.as_str(), "") {
            wrong.push(format!("{}\n{}\n{}\ngot {ran:#?}\nfor {expected:?}", case.arguments, case.network, case.data));
        }
        assert_eq!(folder.contents(), before, "{}", case.arguments);
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n\n"));
}
