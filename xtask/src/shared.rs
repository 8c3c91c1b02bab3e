//! A linked module → the same over memory that several instances share.
//!
//! rustc would do it too, with `+atomics` and a standard library compiled anew by an unstable compiler. Here the workers'
//! instances run nothing but kernels (see the crate `threads`), so that the library as it is shipped will do, and what is
//! left is little: memory comes from outside, its first contents are written once and not by each instance, each stack
//! has a place of its own, and five imports become the instructions that they are named after.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use walrus::ir::{
    AtomicNotify, AtomicOp, AtomicRmw, AtomicWait, AtomicWidth, Drop, Instr, Load, LoadKind, LocalGet, MemArg, Store,
    StoreKind, Value,
};
use walrus::{
    ConstExpr, DataKind, FunctionBuilder, FunctionId, ImportKind, InstrSeqBuilder, MemoryId, Module, ValType,
};

/// Pages of memory.
const GIB: u64 = 1 << 14;

/// The module of the imports that become instructions.
const ATOMICS: &str = "atomics";

/// Where stacks begin: a worker's instance is told its own.
const STACK_POINTER: &str = "__stack_pointer";

/// Four bytes, aligned.
const WORD: MemArg = MemArg { align: 4, offset: 0 };

/// Writes `linked` to `shared`, changed so. Browsers set aside addresses for what memory may grow to, not memory.
pub fn share(linked: &Path, shared: &Path, most_gib: u64) -> Result<()> {
    let mut module = Module::from_file(linked).with_context(|| format!("reading {}", linked.display()))?;
    let memory = module.get_memory_id()?;
    import(&mut module, memory, most_gib * GIB);
    write_once(&mut module, memory)?;
    give_stacks(&mut module)?;
    let atomics: Vec<(FunctionId, String)> = module
        .imports
        .iter()
        .filter(|import| import.module == ATOMICS)
        .filter_map(|import| match import.kind {
            ImportKind::Function(function) => Some((function, import.name.clone())),
            _ => None,
        })
        .collect();
    ensure!(atomics.len() == 5, "expected five imports from {ATOMICS}, found {atomics:?}");
    for (function, name) in atomics {
        become_instruction(&mut module, memory, function, &name)?;
    }
    module.emit_wasm_file(shared).with_context(|| format!("writing {}", shared.display()))
}

/// Takes out what wasm-bindgen put in for threads that come through its glue and go by its means.
pub fn lean(module: &mut Module) -> Result<()> {
    for name in ["__wbindgen_thread_destroy", "__stack_alloc"] {
        module.exports.remove(name)?;
    }
    Ok(())
}

/// Memory is the one that the caller brings.
fn import(module: &mut Module, memory: MemoryId, most_pages: u64) {
    let import = module.imports.add("env", "memory", memory);
    let memory = module.memories.get_mut(memory);
    memory.import = Some(import);
    memory.shared = true;
    memory.maximum = Some(most_pages);
}

/// What memory holds at first is written by a start function, which wasm-bindgen's glue runs and workers do not.
fn write_once(module: &mut Module, memory: MemoryId) -> Result<()> {
    let mut start = FunctionBuilder::new(&mut module.types, &[], &[]);
    let segments: Vec<_> = module.data.iter().map(walrus::Data::id).collect();
    for id in segments {
        let data = module.data.get_mut(id);
        let DataKind::Active { offset, .. } = &data.kind else { continue };
        let &ConstExpr::Value(Value::I32(to)) = offset else {
            anyhow::bail!("a data segment without a place: {offset:?}");
        };
        let length = i32::try_from(data.value.len())?;
        start.func_body().i32_const(to).i32_const(0).i32_const(length).memory_init(memory, id).data_drop(id);
        data.kind = DataKind::Passive;
    }
    module.memories.get_mut(memory).data_segments.clear();
    ensure!(module.start.is_none(), "the module has a start function already");
    module.start = Some(start.finish(Vec::new(), &mut module.funcs));
    Ok(())
}

/// The stack pointer is exported; and for wasm-bindgen, which expects that threads have memory of their own, there is
/// none of it.
fn give_stacks(module: &mut Module) -> Result<()> {
    let pointer = module.globals.iter().find(|global| global.name.as_deref() == Some(STACK_POINTER));
    let pointer = pointer.with_context(|| format!("there is no {STACK_POINTER}"))?.id();
    module.exports.add(STACK_POINTER, pointer);
    for (name, mutable, value) in [("__tls_size", false, 0), ("__tls_align", false, 1), ("__tls_base", true, 0)] {
        let global = module.globals.add_local(ValType::I32, mutable, false, ConstExpr::Value(Value::I32(value)));
        module.exports.add(name, global);
    }
    let base = module.locals.add(ValType::I32);
    let nothing = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[]).finish(vec![base], &mut module.funcs);
    module.exports.add("__wasm_init_tls", nothing);
    Ok(())
}

fn become_instruction(module: &mut Module, memory: MemoryId, function: FunctionId, name: &str) -> Result<()> {
    let arg = WORD;
    let instructions: Vec<Instr> = match name {
        "load" => vec![Load { memory, kind: LoadKind::I32 { atomic: true }, arg }.into()],
        "store" => vec![Store { memory, kind: StoreKind::I32 { atomic: true }, arg }.into()],
        "add" => vec![AtomicRmw { memory, op: AtomicOp::Add, width: AtomicWidth::I32, arg }.into()],
        // For ever, and whatever ended it.
        "wait" => vec![
            walrus::ir::Const { value: Value::I64(-1) }.into(),
            AtomicWait { memory, arg, sixty_four: false }.into(),
            Drop {}.into(),
        ],
        "notify" => vec![AtomicNotify { memory, arg }.into(), Drop {}.into()],
        other => anyhow::bail!("{ATOMICS} has no {other}"),
    };
    let build = |(body, arguments): (&mut InstrSeqBuilder<'_>, &Vec<walrus::LocalId>)| {
        for &local in arguments {
            body.instr(LocalGet { local });
        }
        for instruction in instructions {
            body.instr(instruction);
        }
    };
    module.replace_imported_func(function, build)?;
    Ok(())
}
