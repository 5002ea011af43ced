//! What a card knows about itself: how long it has been up, how warm it is.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cabinet::Position;

/// Where a card's readings come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sensors {
    /// The machine that the program runs on.
    Machine,
    /// A simulated card that got its power at an instant.
    Simulated { position: Position, on_at: Instant },
}

impl Sensors {
    /// The time since power-on, or `None` where the machine does not tell.
    pub(crate) fn up_time(&self) -> Option<Duration> {
        match self {
            Self::Machine => {
                let text = fs::read_to_string("/proc/uptime").ok()?;
                let seconds = text.split_ascii_whitespace().next()?.parse().ok()?;
                Duration::try_from_secs_f64(seconds).ok()
            }
            Self::Simulated { on_at, .. } => Some(on_at.elapsed()),
        }
    }

    /// The temperature in tenths of a degree Celsius: the machine's warmest sensor, or `None` where it has none.
    pub(crate) fn temperature(&self) -> Option<i32> {
        match self {
            Self::Machine => warmest(Path::new("/sys/class")),
            Self::Simulated { position, on_at } => Some(simulated(*position, on_at.elapsed())),
        }
    }
}

impl Sensors {
    /// The hardware in one line, or `None` where the machine does not tell.
    pub(crate) fn hardware(&self) -> Option<String> {
        match self {
            Self::Machine => {
                let text = fs::read_to_string("/proc/cpuinfo").ok()?;
                let value = |key| text.lines().find_map(|line| line.strip_prefix(key)?.split_once(": "));
                let cores = text.lines().filter(|line| line.starts_with("processor")).count();
                let model =
                    value("model name").or_else(|| value("Model")).map_or("processor", |(_, model)| model);
                Some(format!("{cores} x {model}"))
            }
            Self::Simulated { .. } => Some("simulated".to_owned()),
        }
    }
}

/// The warmest of the kernel's hardware monitors and thermal zones, which both speak of thousandths of a degree.
fn warmest(class: &Path) -> Option<i32> {
    let entries = |kind: &str| fs::read_dir(class.join(kind)).into_iter().flatten().flatten();
    let monitors = entries("hwmon")
        .flat_map(|chip| fs::read_dir(chip.path()).into_iter().flatten().flatten())
        .map(|file| file.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("temp") && name.ends_with("_input")
        });
    let zones = entries("thermal").map(|zone| zone.path().join("temp"));
    monitors.chain(zones).filter_map(|file| reading(&file)).max()
}

fn reading(file: &Path) -> Option<i32> {
    let thousandths: i32 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    // A sensor that is not connected reads as one of the ends of its range.
    (-55_000..=150_000).contains(&thousandths).then_some(thousandths / 100)
}

/// A card warms up within minutes to some 38 degrees; higher slots sit later in the air's way.
fn simulated(position: Position, on: Duration) -> i32 {
    let warm = 1.0 - (-on.as_secs_f64() / 120.0).exp();
    let place = f64::from(position.slot) * 4.0 + f64::from(position.chassis);
    let sway = (on.as_secs_f64() / 60.0 + place).sin() * 5.0;
    // From 22.0 to at most 46.1 degrees, so the cast loses nothing but the fraction.
    (220.0 + warm * (160.0 + place) + sway) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warmest_sensor_counts_and_the_unconnected_one_does_not() {
        let class = tempfile::tempdir().unwrap();
        assert_eq!(warmest(class.path()), None);
        for (file, text) in [
            ("hwmon/hwmon0/temp1_input", "41200\n"),
            ("hwmon/hwmon0/temp2_input", "255000\n"),
            ("hwmon/hwmon0/temp1_max", "99000\n"),
            ("thermal/thermal_zone0/temp", "38500\n"),
        ] {
            let path = class.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(warmest(class.path()), Some(412));
    }

    #[test]
    fn a_simulated_card_is_warm_and_not_hot() {
        for slot in 1..=14 {
            for minutes in [0, 1, 10, 600] {
                let reading = simulated(Position::new(20, slot), Duration::from_secs(minutes * 60));
                assert!((200..480).contains(&reading), "{reading}");
            }
        }
    }
}
