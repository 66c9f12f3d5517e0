// Package config reads the settings of a run: one TOML file, changed by
// environment variables and by overrides from the command line, checked
// strictly before anything runs.
//
// # Where a value comes from
//
// Strongest first:
//
//  1. an override, "section.key=value" (the trainer's -set flag); the last of
//     several for one key counts;
//  2. the environment variable FOVEA_SECTION_KEY (data.dir: FOVEA_DATA_DIR,
//     name: FOVEA_NAME); an empty variable counts as not set. FOVEA_ORT is a
//     second name for FOVEA_RUNTIME_LIBRARY;
//  3. the file;
//  4. the default.
//
// # What is refused
//
// A key that no code reads, in any of the three sources, with the nearest known
// key; keys are case-sensitive, as TOML has them. A TOML value of another type:
// the string "224" is no integer, though the integer 1 is a number. Overrides
// and variables are text and are parsed as the key's type. A value outside its
// range. Each refusal is an [Error] that names the source with its line, the
// key, what was found and what is allowed; all refusals come at once, joined.
//
// # Paths
//
// A relative path in a config (data.dir, output.dir, runtime.library) starts at
// the working directory, wherever the config file lies, like every path on a
// command line. There is no second place that is tried.
//
// Every key with type, default, unit and meaning: configs/README.md.
package config
