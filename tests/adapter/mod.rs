//! The GPU that tests run on, real or not.

use mobilenet_web::backend::gpu::{Device, Gpus, connect};

/// The adapter, or nothing with a word about it. Continuous integration must have one.
pub fn adapter() -> Option<Device> {
    match pollster::block_on(connect(Gpus::new())) {
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
