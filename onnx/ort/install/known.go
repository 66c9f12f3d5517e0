package install

import "runtime"

// A moduleRelease is a library inside a Go module, which the Go command fetches and verifies.
type moduleRelease struct {
	system  string // GOOS/GOARCH
	module  string
	version string
	file    string // inside the module
	bytes   int64  // of the module's zip file, for the progress
	sum     string // SHA-256 of the library
}

// moduleReleases lists the modules that carry a library, of a system the one to fetch first. k2-fsa builds ONNX Runtime
// for its speech toolkit (Apache-2.0), 1.28.2 in v1.13.8 and 1.27.0 in v1.13.4; the binding's own module carries
// Microsoft's 1.26.0 (MIT). No module is known that carries a newer one. What these compute wrongly stands in
// onnx/ort/faults.go.
var moduleReleases = []moduleRelease{
	{"linux/amd64", "github.com/k2-fsa/sherpa-onnx-go-linux", "v1.13.8",
		"lib/x86_64-unknown-linux-gnu/libonnxruntime.so", 36_000_000,
		"4b3607aebd1784b26b6f9b20e4bd974c7ab8287043e4d095cb7d2cb40b5e566e"},
	{"linux/amd64", "github.com/k2-fsa/sherpa-onnx-go-linux", "v1.13.4",
		"lib/x86_64-unknown-linux-gnu/libonnxruntime.so", 34_400_000,
		"026c7d5c609323fb16506dbc3cce801bcdffdd7566fdba49a50727e2e1e881ca"},
	{"linux/arm", "github.com/k2-fsa/sherpa-onnx-go-linux", "v1.13.4",
		"lib/arm-unknown-linux-gnueabihf/libonnxruntime.so", 34_400_000,
		"100f9c068a49b0c16d9205cd07e3eddc3e999e66e874859a0647fda45ecf6c49"},
	{"linux/arm64", "github.com/yalue/onnxruntime_go", "v1.31.0",
		"test_data/onnxruntime_arm64.so", 29_900_000,
		"115ecb838e703d390262b8b4d07d5248e6693c67658d4c98c48f94905ab27af4"},
	{"darwin/arm64", "github.com/yalue/onnxruntime_go", "v1.31.0",
		"test_data/onnxruntime_arm64.dylib", 29_900_000,
		"30afadcfc3c704f7671f8430d6252956651c1972373901d2be629da2e6a4d8ee"},
	{"windows/amd64", "github.com/yalue/onnxruntime_go", "v1.31.0",
		"test_data/onnxruntime.dll", 29_900_000,
		"b2ba7ca16e0e4fe71ad5148744ab885a2f5809e52a0c3de4d9ba3853a03977f9"},
}

// pipVersion is the release that pip is asked for.
const pipVersion = "1.32.0"

// wheelSums maps the SHA-256 of the libraries in pipVersion's wheels for CPython 3.11 to 3.14 to their systems. Linux
// and macOS wheels share one library.
var wheelSums = map[string]string{
	"6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f": "linux/amd64",
	"49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a": "linux/arm64",
	"fa585fabbea65b823b9a8f7e27d46aee3989d1be7e36b528203d3a1fd613aae7": "darwin/arm64",
	"e9feebaed867b76f741c14ae64e056a3da64a153a61994f1fb48eadc7f9b3ba8": "windows/amd64", // 3.11
	"443c0065fcdba17618ddef05050308f4b471893c5c7da0337d6957c9073ad8a7": "windows/amd64", // 3.12
	"bf0927ca8efb68ad67f6cad3851641dc78e21a687a3fd959ae262d3252e9fa0a": "windows/amd64", // 3.13
	"f529520505e46ba357e8042bb690f30135b2df01f5ff674b8d069f8201e091e9": "windows/amd64", // 3.14
}

// wheelBytes is about the size of a wheel of pipVersion, for the progress.
const wheelBytes = 27_800_000

// thisSystem is this machine's key in the tables above.
const thisSystem = runtime.GOOS + "/" + runtime.GOARCH

// knownSum reports whether a library's SHA-256 stands in the tables above.
func knownSum(sum string) bool {
	if wheelSums[sum] != "" {
		return true
	}
	for _, r := range moduleReleases {
		if r.sum == sum {
			return true
		}
	}
	return false
}
