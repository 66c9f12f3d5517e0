package augment

// A candidate is an op that a policy may draw.
type candidate struct {
	op     *op
	level  float64 // or the mean of its distribution
	weight float64 // 0 in a set whose ops are equally likely and may come twice
	apply  float64 // probability, in a pair
}

// candidates returns equally likely candidates for ops.
func candidates(names ...string) []candidate {
	set := make([]candidate, len(names))
	for i, name := range names {
		set[i].op = find(name)
	}
	return set
}

// standardSet and increasingSet hold the ops of timm's _RAND_TRANSFORMS and _RAND_INCREASING_TRANSFORMS.
var (
	standardSet = candidates("AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd",
		"Color", "Contrast", "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel")
	increasingSet = candidates("AutoContrast", "Equalize", "Invert", "Rotate", "PosterizeIncreasing",
		"SolarizeIncreasing", "SolarizeAdd", "ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing",
		"SharpnessIncreasing", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel")
)

// sets holds the sets that a part t of a policy names: timm's _RAND_3A, _RAND_WEIGHTED_3A and _RAND_WEIGHTED_0.
var sets = map[string][]candidate{
	"3a": candidates("SolarizeIncreasing", "Desaturate", "GaussianBlur"),
	"3aw": {
		{op: find("SolarizeIncreasing"), weight: 6}, {op: find("Desaturate"), weight: 6}, {op: find("GaussianBlur"), weight: 6},
		{op: find("Rotate"), weight: 3}, {op: find("ShearX"), weight: 2}, {op: find("ShearY"), weight: 2}, {op: find("PosterizeIncreasing"), weight: 1},
		{op: find("AutoContrast"), weight: 1}, {op: find("ColorIncreasing"), weight: 1}, {op: find("SharpnessIncreasing"), weight: 1},
		{op: find("ContrastIncreasing"), weight: 1}, {op: find("BrightnessIncreasing"), weight: 1}, {op: find("Equalize"), weight: 1},
		{op: find("Invert"), weight: 1},
	},
	"weights": {
		{op: find("Rotate"), weight: 3}, {op: find("ShearX"), weight: 2}, {op: find("ShearY"), weight: 2}, {op: find("TranslateXRel"), weight: 1},
		{op: find("TranslateYRel"), weight: 1}, {op: find("ColorIncreasing"), weight: 0.25}, {op: find("SharpnessIncreasing"), weight: 0.25},
		{op: find("AutoContrast"), weight: 0.25}, {op: find("SolarizeIncreasing"), weight: 0.05}, {op: find("SolarizeAdd"), weight: 0.05},
		{op: find("ContrastIncreasing"), weight: 0.05}, {op: find("BrightnessIncreasing"), weight: 0.05}, {op: find("Equalize"), weight: 0.05},
		{op: find("PosterizeIncreasing"), weight: 0.05}, {op: find("Invert"), weight: 0.05},
	},
}

// augMixSet holds the ops of timm's _AUGMIX_TRANSFORMS, whose translations reach less far.
var augMixSet = append(candidates("AutoContrast", "ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing",
	"SharpnessIncreasing", "Equalize", "Rotate", "PosterizeIncreasing", "SolarizeIncreasing", "ShearX", "ShearY"),
	candidate{op: &op{"TranslateXRel", signed(0.3), translateX}},
	candidate{op: &op{"TranslateYRel", signed(0.3), translateY}})
