// Package operating chooses thresholds on one set of predictions and tells what they do on another.
//
// A [Point] is a threshold t on the probability of what is looked for: an image is positive if that probability is at
// least t. Of two classes it is the probability of the second. Of grades it is the probability of a grade or a higher
// one, the sum of theirs. A [Rule] chooses t among the probabilities of the validation images, so that no threshold
// lies between two of them, and one above all of them:
//
//	youden                 the largest sensitivity + specificity - 1 (Youden, 1950)
//	sensitivity 0.9        the largest specificity with a sensitivity of at least 0.9
//	specificity 0.95       the largest sensitivity with a specificity of at least 0.95
//	sensitivity 0.9 lower  the same, where the lower bound of Wilson's interval has to reach 0.9
//
// Of thresholds that are equally good the highest is chosen. [Point.Apply] counts on other images. PPV and NPV are those
// of the images, whose mix of classes is seldom that of a clinic, and by Bayes' theorem those at a stated prevalence.
// The [Curve] of net benefit (Vickers and Elkin, 2006) compares the model with treating all and treating none.
package operating
