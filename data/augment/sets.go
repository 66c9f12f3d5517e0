package augment

// A candidate is an op that a policy may draw.
type candidate struct {
	op     *op
	level  float64 // or the mean of its distribution
	weight float64 // 0 in a set whose ops are equally likely and may come twice
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
		{find("SolarizeIncreasing"), 0, 6}, {find("Desaturate"), 0, 6}, {find("GaussianBlur"), 0, 6},
		{find("Rotate"), 0, 3}, {find("ShearX"), 0, 2}, {find("ShearY"), 0, 2}, {find("PosterizeIncreasing"), 0, 1},
		{find("AutoContrast"), 0, 1}, {find("ColorIncreasing"), 0, 1}, {find("SharpnessIncreasing"), 0, 1},
		{find("ContrastIncreasing"), 0, 1}, {find("BrightnessIncreasing"), 0, 1}, {find("Equalize"), 0, 1},
		{find("Invert"), 0, 1},
	},
	"weights": {
		{find("Rotate"), 0, 3}, {find("ShearX"), 0, 2}, {find("ShearY"), 0, 2}, {find("TranslateXRel"), 0, 1},
		{find("TranslateYRel"), 0, 1}, {find("ColorIncreasing"), 0, 0.25}, {find("SharpnessIncreasing"), 0, 0.25},
		{find("AutoContrast"), 0, 0.25}, {find("SolarizeIncreasing"), 0, 0.05}, {find("SolarizeAdd"), 0, 0.05},
		{find("ContrastIncreasing"), 0, 0.05}, {find("BrightnessIncreasing"), 0, 0.05}, {find("Equalize"), 0, 0.05},
		{find("PosterizeIncreasing"), 0, 0.05}, {find("Invert"), 0, 0.05},
	},
}

// augMixSet holds the ops of timm's _AUGMIX_TRANSFORMS, whose translations reach less far.
var augMixSet = append(candidates("AutoContrast", "ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing",
	"SharpnessIncreasing", "Equalize", "Rotate", "PosterizeIncreasing", "SolarizeIncreasing", "ShearX", "ShearY"),
	candidate{op: &op{"TranslateXRel", signed(0.3), translateX}},
	candidate{op: &op{"TranslateYRel", signed(0.3), translateY}})
