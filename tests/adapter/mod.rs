//! The GPU that tests run on, real or not.

use mobilenet_web::backend::gpu::{Device, Gpus, Limits, connect_within};

/// The adapter, or nothing with a word about it. Continuous integration must have one.
pub fn adapter() -> Option<Device> {
    adapter_within(Limits::Adapter)
}

/// The same within these limits.
pub fn adapter_within(limits: Limits) -> Option<Device> {
    match pollster::block_on(connect_within(Gpus::new(), limits)) {
        Ok(device) => {
            println!("on {}", device.name);
            Some(device)
        }
        Err(why) => {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "continuous integration needs a Vulkan adapter: {why}"
            );
            println!("SKIPPED: {why}");
            None
        }
    }
}
