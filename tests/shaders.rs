//! The shaders without a GPU: naga's validation of every variant, and their structures against the parameter blocks.

use mobilenet_web::backend::gpu::{SHADERS, Variant};
use mobilenet_web::kernels::BLOCKS;
use std::collections::{BTreeMap, BTreeSet};
use wgpu::naga::{Module, TypeInner, front::wgsl, valid};

const VARIANTS: [Variant; 4] = [
    Variant { f16: false, quads: false, software: false },
    Variant { f16: false, quads: true, software: false },
    Variant { f16: true, quads: false, software: false },
    Variant { f16: true, quads: true, software: false },
];

fn modules() -> impl Iterator<Item = (String, Module)> {
    SHADERS.iter().flat_map(|shader| {
        VARIANTS.map(|variant| {
            let source = shader.source(variant);
            let name = format!("{} {variant:?}", shader.stem);
            let module =
                wgsl::parse_str(&source).unwrap_or_else(|why| panic!("{name}: {}", why.emit_to_string(&source)));
            (name, module)
        })
    })
}

#[test]
fn every_variant_is_valid() {
    for (name, module) in modules() {
        let mut validator = valid::Validator::new(valid::ValidationFlags::all(), valid::Capabilities::all());
        validator.subgroup_stages(valid::ShaderStages::COMPUTE).subgroup_operations(valid::SubgroupOperationSet::all());
        validator.validate(&module).unwrap_or_else(|why| panic!("{name}: {why:?}"));
    }
}

/// Structures of a shader that have the name of a parameter block have its fields, in its order, word after word; and
/// every block is a field of some shader's, for all shaders have the text of all blocks in front.
#[test]
fn structures_are_laid_out_as_parameter_blocks() {
    let blocks: BTreeMap<&str, &[&str]> = BLOCKS.iter().copied().collect();
    let mut used = BTreeSet::new();
    for (shader, module) in modules() {
        for (_, ty) in module.types.iter() {
            let (Some(name), TypeInner::Struct { members, .. }) = (&ty.name, &ty.inner) else { continue };
            let mut word = 0;
            for member in members {
                let field = member.name.as_deref().unwrap_or_default();
                assert_eq!(member.offset, word * 4, "{shader}: {name}.{field}");
                word += module.types[member.ty].inner.size(module.to_ctx()) / 4;
                used.extend(module.types[member.ty].name.clone());
            }
            if let Some(fields) = blocks.get(name.as_str()) {
                let found: Vec<_> = members.iter().filter_map(|member| member.name.as_deref()).collect();
                assert_eq!(&found, fields, "{shader}: {name}");
            }
        }
    }
    assert!(blocks.keys().all(|block| used.contains(*block)), "every block is some shader's: {used:?}");
}

#[test]
fn the_list_is_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
    let entries = std::fs::read_dir(folder).expect("shaders/").filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let mut listed: Vec<_> = SHADERS.iter().map(|shader| shader.stem.to_owned()).collect();
    found.sort();
    listed.sort();
    // One file may be compiled with several constants.
    listed.dedup();
    assert_eq!(found, listed);
}
