package install

import "slices"

// A gpuRelease is ONNX Runtime built for one version of CUDA, with NVIDIA's libraries for it. All come from pip
// packages.
type gpuRelease struct {
	system string // GOOS/GOARCH
	cuda   int    // major version
	// kernels are the compute capabilities (75 is 7.5) for which the provider carries machine code. It runs on any GPU
	// of the same major and no smaller minor version. compiled, if not 0, is the capability for which the provider
	// carries code that the driver compiles for any newer GPU.
	kernels  []int
	compiled int

	runtime      wheelPackage
	libraries    []wheelPackage // each behind those that it needs
	convolutions []wheelPackage // needed by models with convolutions only
}

// A wheelPackage is a pip package and the libraries that are taken out of its wheel.
type wheelPackage struct {
	name, version string
	bytes         int64 // of the wheel
	files         []wheelFile
}

// A wheelFile is a library in a wheel: its file name, size and SHA-256. The runtime's own is the last of its package.
type wheelFile struct {
	name  string
	bytes int64
	sum   string
}

// gpuReleases lists the builds, newest first. The provider differs between the wheels for different versions of Python;
// these are the wheels of [wheelPython]. The wheel for CUDA 12 is the last one for it. Its provider is linked against
// cuDNN and cuFFT; the provider for CUDA 13 opens them when a model asks for them. cuBLAS and cuDNN open NVRTC.
var gpuReleases = []gpuRelease{
	{
		system: "linux/amd64", cuda: 13, kernels: []int{75, 80, 86, 89, 90, 120},
		runtime: wheelPackage{"onnxruntime-gpu", "1.31.1", 255_569_273, []wheelFile{
			{"libonnxruntime_providers_cuda.so", 284_014_752,
				"8387867e857499e045caff5d13ac6a5de29571c801562fa2dde0e45f1f31de52"},
			{"libonnxruntime_providers_shared.so", 14_632,
				"086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d"},
			{"libonnxruntime.so.1.31.1", 29_421_832,
				"5104254339ecadae808da771bd0b63b240f0dbd466514234905e54372435c303"},
		}},
		libraries: []wheelPackage{
			{"nvidia-cuda-runtime", "13.5.37", 2_504_024, []wheelFile{
				{"libcudart.so.13", 806_720,
					"be114eaabb3f3251cf30b6e334be5e8c3cf1b12c0a11c17295a810dd83cc141a"},
			}},
			{"nvidia-curand", "10.4.5.25", 77_113_015, []wheelFile{
				{"libcurand.so.10", 104_860_296,
					"82586610865e67dc73505087e04dd40a3cc69b281028731ce763faafe14b1347"},
			}},
			{"nvidia-cuda-nvrtc", "13.5.37", 58_185_930, []wheelFile{
				{"libnvrtc-builtins.so.13.5", 7_268_296,
					"6cecb2fd3e562bab1cb1c6e192f8f828157683c8febb22a00e178f9faf4e7f6a"},
				{"libnvrtc.so.13", 141_163_664,
					"98a317ff5d2176dee5a04235c6663f8d553d5ed95b3104cbf7fb198cbf76a10d"},
			}},
			{"nvidia-cublas", "13.10.0.20", 444_289_903, []wheelFile{
				{"libcublas.so.13", 57_282_152,
					"863f349b5352363c66079090d43d9d56ad3d676373ecac18418fd4fb2d0579d1"},
				{"libcublasLt.so.13", 551_653_208,
					"b58e18ab4a6adc9bf4833d5cfe28db688e675fd6021db7eaf5da78d23f95d2de"},
			}},
		},
		convolutions: []wheelPackage{
			{"nvidia-cudnn-cu13", "9.28.1.4", 516_817_937, []wheelFile{
				{"libcudnn.so.9", 137_432,
					"f756cabeed9b481134769fdbc0c2ae022cf52ac39aab08be26ea990a56da2efc"},
				{"libcudnn_adv.so.9", 92_392_360,
					"d69ed7d8adc4524ddb6cbf5e10211e35f580d14e40924692f0cdf1b78cf23ab2"},
				{"libcudnn_cnn.so.9", 4_204_144,
					"2512f47e6e33000e12be5b2e59ac71eb8f5805a548561e7637e4413d1b7cdeb7"},
				{"libcudnn_engines_precompiled.so.9", 260_072_128,
					"51bd1d25591ae2994120aac5c5be172e31b973e0fdeba43a50647949096ee40a"},
				{"libcudnn_engines_runtime_compiled.so.9", 41_978_752,
					"738655d1b9441a752fde9b9911780635e60fe96113f2b06c1af6d70458ef5174"},
				{"libcudnn_engines_tensor_ir.so.9", 249_581_552,
					"ff088c803f896fd9a92c0ab861026ff3b7ee5a4222713c3dd8221e1c843e74ec"},
				{"libcudnn_ext.so.9", 10_492_592,
					"46c273e178b7733ffa5d56bd9719f378a20b94e07d2ccf23c4078e22bced0652"},
				{"libcudnn_graph.so.9", 149_118_552,
					"06c28f04f028466cf33461a7d645210146015d425a0dae6c7dc7e60c07c4d973"},
				{"libcudnn_heuristic.so.9", 96_473_968,
					"7738da4dd6fee9597680ff595863743b2bc4bd5b0ec3edb4e8e9d28a2b5e629d"},
				{"libcudnn_ops.so.9", 35_661_648,
					"e849b0a7353eec5bb5c9f75d841d075d786e205d84f8fd07b092770554674e48"},
			}},
		},
	},
	{
		system: "linux/amd64", cuda: 12, kernels: []int{60, 70, 75, 80, 86, 90}, compiled: 90,
		runtime: wheelPackage{"onnxruntime-gpu", "1.26.0", 276_971_796, []wheelFile{
			{"libonnxruntime_providers_cuda.so", 400_827_896,
				"39fa7f293041ddc8974f2ad137f2287663534c4755fef0602cb0eb45a986b168"},
			{"libonnxruntime_providers_shared.so", 14_632,
				"086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d"},
			{"libonnxruntime.so.1.26.0", 23_101_400,
				"7fe6f3306ea455b3d1493ea8b95bf442b48a216e459c47564152e5f7d5ded2c6"},
		}},
		libraries: []wheelPackage{
			{"nvidia-cuda-runtime-cu12", "12.9.79", 3_493_179, []wheelFile{
				{"libcudart.so.12", 741_088,
					"256e6409e4f06f618e1fb53d4844a6b81cdded1013afa8ade40c22f99eb133b7"},
			}},
			{"nvidia-curand-cu12", "10.3.10.19", 68_295_626, []wheelFile{
				{"libcurand.so.10", 166_965_432,
					"ab8c07338fa663c018b16df5b3f3878c84aaae98bda930e9e8bad340427b0faa"},
			}},
			{"nvidia-nvjitlink-cu12", "12.9.86", 39_748_338, []wheelFile{
				{"libnvJitLink.so.12", 95_935_344,
					"02d3acb5fe598dd20f0fca3cc03734ad164037a22747a01900561a42d0b8448f"},
			}},
			{"nvidia-cufft-cu12", "11.4.1.4", 200_877_592, []wheelFile{
				{"libcufft.so.11", 291_507_928,
					"e1d65ebd08895f9d9883f848f3974f89e0130416252477b18835ba7f15d159bc"},
			}},
			{"nvidia-cuda-nvrtc-cu12", "12.9.86", 89_568_129, []wheelFile{
				{"libnvrtc-builtins.so.12.9", 7_202_760,
					"6507cf33450cfb22970c2c1e7aa8e7c0a33e39d864720277b05f61a92791e2e8"},
				{"libnvrtc.so.12", 106_244_480,
					"7c67c6b51ea0e0279634cebd676ff7efda1674806444520c84430ad5c35fe625"},
			}},
			{"nvidia-cudnn-cu12", "9.28.0.42", 716_538_495, []wheelFile{
				{"libcudnn.so.9", 137_432,
					"727cf38cefa39f745dee3caa207395163a86e8fafdb47e3af6d185fdd67858d4"},
				{"libcudnn_adv.so.9", 232_904_280,
					"d7a4f6de7c83eb39506d424cf8f1a6f3715faeee2320f2cc03498c9dcc10283b"},
				{"libcudnn_cnn.so.9", 4_203_992,
					"5bccc296c64d21ef9326c70ccdcf01b149122dd242ec80a2d3bdc2a4389879ad"},
				{"libcudnn_engines_precompiled.so.9", 559_964_512,
					"9a9bbe2c9d4be6c324760199f667fa84a2a9a2d66820b8ca55844b9da235e837"},
				{"libcudnn_engines_runtime_compiled.so.9", 48_269_792,
					"8b49b082768bda0ac9f2465c235331e727682f92139ad41f15276b81f20f0f96"},
				{"libcudnn_engines_tensor_ir.so.9", 2_099_128,
					"78aa90a0543dd7b097701708f28981657ad04b95d3cac387fed960765404985e"},
				{"libcudnn_ext.so.9", 10_492_448,
					"7614a9e626eeeacbcfc8aa6633700e3cd4321e18497447825172d2d21f0b0e6f"},
				{"libcudnn_graph.so.9", 115_563_344,
					"d56ec4d0cc21836e0138e4e75dcf6a1e589687675e9d6da0d006936ef7169078"},
				{"libcudnn_heuristic.so.9", 96_473_944,
					"ab31bec932bc0b37431dfed946ec4c373441e0d5a62ad477e6cd19fc805e7577"},
				{"libcudnn_ops.so.9", 92_284_600,
					"fbc82ffd752ec10601b2001226dee311b7ddd034c93a30c3536f2bbd19361b0c"},
			}},
			{"nvidia-cublas-cu12", "12.9.3.13", 581_217_458, []wheelFile{
				{"libcublas.so.12", 105_140_976,
					"9b6997d8ac06badb59b90fd08cb89b1f807576306f6b0d762f3e72000b69d260"},
				{"libcublasLt.so.12", 749_169_616,
					"fbbf5c66fcc42c4eb6e56a7cb40be3936edbf0d08e757761e95c84afb9606cb6"},
			}},
		},
	},
	{
		system: "linux/arm64", cuda: 13, kernels: []int{89, 90, 120, 121},
		runtime: wheelPackage{"onnxruntime-gpu", "1.31.1", 212_341_829, []wheelFile{
			{"libonnxruntime_providers_cuda.so", 237_857_264,
				"bf506a34897f3bdbd9c162f4fd697d0073d2ed1e2a32b3d654b34f2e3bda04c2"},
			{"libonnxruntime_providers_shared.so", 198_792,
				"1fc9a38c51a15164ae7d126f4e89447e718e47bd0a934eaa1a86bb60a6ec4955"},
			{"libonnxruntime.so.1.31.1", 25_002_552,
				"25430c15445a74ea480116a0da41533d83e59bceb1a18004c97e4873334afc90"},
		}},
		libraries: []wheelPackage{
			{"nvidia-cuda-runtime", "13.5.37", 2_520_010, []wheelFile{
				{"libcudart.so.13", 802_096,
					"9050e4f487c91acf373b63b72128467115d2d6552ab935d36a3d154ac9443288"},
			}},
			{"nvidia-curand", "10.4.5.25", 77_529_633, []wheelFile{
				{"libcurand.so.10", 105_384_928,
					"62699d6e3b06bfa09b93cbc32722c10c249fbba5a629d5ec6cc3147ef76c16a3"},
			}},
			{"nvidia-cuda-nvrtc", "13.5.37", 56_419_462, []wheelFile{
				{"libnvrtc-builtins.so.13.5", 7_268_136,
					"4674c4e8bea0dd5736007dc6afbf7c654ece284c4ed1a1eb55722f18412a0cbb"},
				{"libnvrtc.so.13", 129_637_736,
					"2d1f2a63e60c371bf81bf1eecb496635a9667060f24d71ff5997d5b2a8d10e23"},
			}},
			{"nvidia-cublas", "13.10.0.20", 560_089_875, []wheelFile{
				{"libcublas.so.13", 71_960_648,
					"28dfd414f7f0d7a957a0af3c216d968adcf00107880547aaec1f154ef5c232a3"},
				{"libcublasLt.so.13", 653_832_336,
					"1fd165980a6e8ec527b6daf3c8b67508616ddd6bd09361bb345b95b72e366b93"},
			}},
		},
		convolutions: []wheelPackage{
			{"nvidia-cudnn-cu13", "9.28.1.4", 597_008_823, []wheelFile{
				{"libcudnn.so.9", 6_331_352,
					"c835893ed01ace9a9cd8089ab981246714c69a5c89af5b97dc8a287d3d0ab03a"},
				{"libcudnn_adv.so.9", 113_365_208,
					"a00b98ae905bd4cf67dfade2e8487e3e0edf653c0b6b9c7cff3c3c27d0112164"},
				{"libcudnn_cnn.so.9", 2_370_976,
					"4a133b1315929dd6b6e14db1ef34e187994ebd7d56884f8795036b135065cf8d"},
				{"libcudnn_engines_precompiled.so.9", 316_686_856,
					"f80adfd5e763491d673a7bfdd6775ae211c0f3e9076178e728442eb000e196df"},
				{"libcudnn_engines_runtime_compiled.so.9", 44_065_168,
					"aa447551f059224b4f634833d32ff299fb530577f00f41dc25cb93614200071c"},
				{"libcudnn_engines_tensor_ir.so.9", 243_281_488,
					"fb2a309a83b55c52e8da9d3a710e8374921e9af407b631ca1506a682455788d7"},
				{"libcudnn_ext.so.9", 8_397_224,
					"3d525ee3f3063cd337c68f95962009717f8c19294c529ca66f911e13df2b2ba0"},
				{"libcudnn_graph.so.9", 142_826_120,
					"10cc1f9de31263eae09caf0d0f708c888dcfdcc7fbc4994ba2a3f778b0044a80"},
				{"libcudnn_heuristic.so.9", 100_666_832,
					"0f3b134c38d1050ca6953915e5f75f060b23d8bb3783481f13b78c99e20a46ee"},
				{"libcudnn_ops.so.9", 46_148_552,
					"0990c59963ae3140e85c517cf31f47614138482559841cc19506e4f54c590401"},
			}},
		},
	},
}

// wheelPython is the version of Python whose wheels pip is asked for. Their libraries run without any Python.
const wheelPython = "3.12"

// releaseFor returns the release for a version of CUDA on this system, or nil.
func releaseFor(version int) *gpuRelease {
	for i, r := range gpuReleases {
		if r.system == thisSystem && r.cuda == version {
			return &gpuReleases[i]
		}
	}
	return nil
}

// runsOn reports whether the provider has code for a GPU.
func (r gpuRelease) runsOn(major, minor int) bool {
	return r.compiled != 0 && 10*major+minor >= r.compiled ||
		slices.ContainsFunc(r.kernels, func(k int) bool { return k/10 == major && k%10 <= minor })
}

func (p wheelPackage) requirement() string { return p.name + "==" + p.version }

// stored returns the bytes of a package's libraries.
func (p wheelPackage) stored() (bytes int64) {
	for _, f := range p.files {
		bytes += f.bytes
	}
	return bytes
}
