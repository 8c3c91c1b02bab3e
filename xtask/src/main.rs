//! Every developer command of the project: `cargo xtask help` lists them.

mod bench;
mod classify;
mod demo;
mod fuzz;
mod models;
mod npy;
mod paths;
mod picture;
mod pypi;
mod readme;
mod run;
mod samples;
mod serve;
mod setup;
mod shared;
mod site;
mod size;
mod stamp;
mod steps;
mod test;
mod wasm;
mod weights;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lexopt::{Arg, Parser, ValueExt as _};
use mobilenet_web::Choice;
use mobilenet_web::weights::Precision;

const HELP: &str = "\
cargo xtask COMMAND

  demo [--port N]            set everything up, serve the demo page and print its URL
    --check                  … go through the page in a headless Chromium instead, and end
    --json FILE              … write what the check saw
    --screenshots DIR        … and pictures of the page
  test, ci                   every test: format, lints, native, wasm in the browser, page
  build [--no-opt]           pkg/wasm/ and target/site/, and target/suite/ for the browser tests
  size [--check]             what a page downloads; --check fails above the budget
  readme                     write README.md's figures anew
  models                     the family: parameters, multiply-accumulates, download, published top-1
    --json                   … as the site's models.json
    --layers NAME            … of one network (v2_1.0_224), layer by layer
    --measure                … and milliseconds a frame on this machine
  weights [list]             the weights that are known
  weights fetch              download and convert them, and what tests open, to target/weights/
  convert IN… OUT            weights of any format as safetensors that a page opens without the importer; IN is a
                             file, the main one of several, their folder, or all of them
    --precision NAME         … kept (as the file has them), f32, f16 or int8
    --calibrate FOLDER       … int8: maps as well, which then compute in integers, by what pictures of a folder make of them;
                             prints what that costs
  classify --weights FILE --image FILE…
                             labels without a browser, by the same code
    --as-is                  … of pictures that have the input's size: no crop, no resize
    --backend NAME           … auto, simd, reference or webgpu (Vulkan, natively)
    --profile                … and how long each step takes, or of webgpu each dispatch
    --endpoint NAME          … and one endpoint of the network
    --topk K                 … so many labels
    --dump DIR               … and .npy files of logits, probabilities and features
    --json                   … as JSON
  bench cpu [OPTION…]        this package and others on the CPU, in turns in one Chromium: bench/results/cpu.md
  bench gpu [OPTION…]        … and on a GPU: bench/results/gpu.md
  bench kernels [OPTION…]    each step of this package's networks against the machine's peak: bench/results/kernels.md
  bench tune [OPTION…]       a step of fine-tuning, here and in TensorFlow.js: bench/results/tune.md
    --models A,B             … only networks whose names begin so: v1, v2, v3s
    --runtimes A,B           … only these: ours, litert, mediapipe, tfjs, tflite, onnxruntime
    --precisions A,B         … cpu, kernels: only f32 or int8
    --threads A,B            … cpu, tune: only 1 or 2
    --builds A,B             … kernels: only simd128 or relaxed-simd
    --rounds N --budget MS   … so many turns each, with calls for so long
    --hardware               … gpu: on the machine's GPU instead of the software adapter
    --out DIR                … and the results there
  fuzz [OPTION…]             mutated files against every parser; findings in target/fuzz/
    --format NAME            … of one format: an unknown one lists them
    --seconds N              … each format for so long (else 5), or --executions N
    --seed N --workers N     … other files than those of seed 1; other than 2 processes
    --replay FILE            … what a finding breaks
  serve --port N             serve target/site
    --fixtures               … with test files, faults and a second origin
";

fn main() -> ExitCode {
    match dispatch(Parser::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(mut arguments: Parser) -> Result<()> {
    let command = match arguments.next()? {
        Some(Arg::Value(command)) => command.string()?,
        Some(Arg::Long("help") | Arg::Short('h')) | None => "help".into(),
        Some(other) => return Err(other.unexpected().into()),
    };
    match command.as_str() {
        "demo" => demo_command(arguments),
        "test" | "ci" => {
            end(&mut arguments)?;
            test::run()
        }
        "build" => build_command(arguments),
        "size" => {
            let check = flag(&mut arguments, "check")?;
            end(&mut arguments)?;
            // Of this checkout, not of whatever was built last.
            steps::run(build_steps(true))?;
            size::table(check).map(|share| println!("{share}"))
        }
        "readme" => {
            end(&mut arguments)?;
            steps::run(build_steps(true))?;
            readme::write()
        }
        "bench" => bench_command(arguments),
        "models" => models_command(arguments),
        "weights" => weights_command(arguments),
        "convert" => convert_command(arguments),
        "classify" => classify_command(arguments),
        "fuzz" => fuzz::run(arguments.raw_args()?),
        "serve" => serve_command(arguments),
        "help" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no command `{other}`\n\n{HELP}"),
    }
}

fn demo_command(mut arguments: Parser) -> Result<()> {
    let mut demo = demo::Demo::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("port") => demo.port = Some(arguments.value()?.parse()?),
            Arg::Long("check") => demo.check = true,
            Arg::Long("json") => demo.json = Some(arguments.value()?.into()),
            Arg::Long("screenshots") => demo.screenshots = Some(arguments.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    demo::run(&demo)
}

fn build_command(mut arguments: Parser) -> Result<()> {
    steps::run(build_steps(!flag(&mut arguments, "no-opt")?))
}

fn build_steps(optimise: bool) -> Vec<steps::Step<'static>> {
    let mut list = vec![setup::wasm_target()];
    if optimise {
        list.push(setup::npm());
    }
    list.extend([wasm::module(optimise), wasm::suite(), weights::fetch(), samples::fetch(), site::assemble()]);
    list
}

fn bench_command(mut arguments: Parser) -> Result<()> {
    let which =
        arguments.value().context("expected `bench cpu`, `bench gpu`, `bench kernels` or `bench tune`")?.string()?;
    let options: Vec<_> = arguments.raw_args()?.collect();
    bench::run(&which, &options)
}

fn models_command(mut arguments: Parser) -> Result<()> {
    let mut models = models::Models::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("json") => models.json = true,
            Arg::Long("measure") => models.measure = true,
            Arg::Long("layers") => models.layers = Some(arguments.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    models::run(&models)
}

fn weights_command(mut arguments: Parser) -> Result<()> {
    let mut words = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Value(word) => words.push(word),
            other => return Err(other.unexpected().into()),
        }
    }
    match (words.first().and_then(|word| word.to_str()), &words[..]) {
        (None | Some("list"), [] | [_]) => {
            weights::list();
            Ok(())
        }
        (Some("fetch"), [_]) => steps::run(vec![weights::fetch(), weights::fetch_for_tests()]),
        _ => bail!("expected `weights list` or `weights fetch`"),
    }
}

fn convert_command(mut arguments: Parser) -> Result<()> {
    let mut files = Vec::new();
    let mut convert = weights::convert::Convert::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Value(file) => files.push(PathBuf::from(file)),
            Arg::Long("precision") => {
                convert.precision = Precision::from_name(&arguments.value()?.string()?)?;
            }
            Arg::Long("calibrate") => convert.calibrate = Some(arguments.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    if convert.calibrate.is_some() && convert.precision != Precision::Int8 {
        bail!("expected `--precision int8` beside `--calibrate`: other precisions need no pictures");
    }
    match files.split_last() {
        Some((to, from)) if !from.is_empty() => convert.run(from, to),
        _ => bail!("expected `convert IN… OUT`"),
    }
}

fn classify_command(mut arguments: Parser) -> Result<()> {
    let mut classify = classify::Classify::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("weights") => classify.weights = arguments.value()?.into(),
            Arg::Long("image") => classify.images.extend(arguments.values()?.map(PathBuf::from)),
            Arg::Long("as-is") => classify.as_is = true,
            Arg::Long("backend") => classify.backend = backend(&arguments.value()?.string()?)?,
            Arg::Long("profile") => classify.profile = true,
            Arg::Long("endpoint") => classify.endpoint = Some(arguments.value()?.string()?),
            Arg::Long("topk") => classify.query.top_k = arguments.value()?.parse()?,
            Arg::Long("dump") => classify.dump = Some(arguments.value()?.into()),
            Arg::Long("json") => classify.json = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if classify.weights.as_os_str().is_empty() || classify.images.is_empty() {
        bail!("expected `classify --weights FILE --image FILE…`");
    }
    classify::run(&classify)
}

/// The backend of that name, or of the short one that the GPU has here.
fn backend(name: &str) -> Result<Choice> {
    Ok(Choice::from_name(if name == "gpu" { Choice::Gpu.name() } else { name })?)
}

fn serve_command(mut arguments: Parser) -> Result<()> {
    let mut port = None;
    let mut fixtures = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("port") => port = Some(arguments.value()?.parse()?),
            Arg::Long("fixtures") => fixtures = true,
            other => return Err(other.unexpected().into()),
        }
    }
    serve::Server::start(port.context("expected `serve --port N` (0 means any free port)")?, fixtures)?.print();
    serve::forever()
}

/// Whether the one flag that the command knows was given.
fn flag(arguments: &mut Parser, name: &str) -> Result<bool> {
    let mut given = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long(long) if long == name => given = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(given)
}

fn end(arguments: &mut Parser) -> Result<()> {
    match arguments.next()? {
        Some(extra) => Err(extra.unexpected().into()),
        None => Ok(()),
    }
}
