// Package config reads the settings of a run from a TOML file. Environment variables and overrides from the command
// line change them. Everything is checked strictly before anything runs.
//
// # Where a value comes from
//
// The strongest of these decides:
//
//  1. an override, "section.key=value" (the trainer's -set flag); the last of several for one key counts;
//  2. the environment variable FOVEA_SECTION_KEY (data.dir: FOVEA_DATA_DIR, name: FOVEA_NAME); an empty variable
//     counts as not set. FOVEA_ORT is a second name for FOVEA_RUNTIME_LIBRARY;
//  3. the file;
//  4. the default, from configs/recipes.
//
// # What is refused
//
//   - A key that no code reads, in any of the three sources. The error names the nearest known key. Keys are
//     case-sensitive, as TOML has them.
//   - A TOML value of another type. The string "224" is no integer, but the integer 1 is a number. Overrides and
//     variables are text, which is parsed as the key's type.
//   - A value that its key does not allow, or that contradicts the value of another key.
//
// Each refusal is an [Error] that names the source with its line, the key, what was found and what is allowed. All
// refusals come at once, joined. Values are checked for what they allow only when all of them have the right type.
//
// # Paths
//
// A relative path in a config (data.dir, output.dir, runtime.library) starts at the working directory, wherever the
// config file lies, like every path on a command line. No other place is tried.
//
// configs/README.md lists every key with its type, default, unit and meaning.
package config
