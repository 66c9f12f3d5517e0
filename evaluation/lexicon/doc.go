// Package lexicon reads names of classes: which one of two is the positive one, and which ones are grades.
//
// It knows the words of retinal data sets in English and the most frequent ones of German, French, Spanish, Portuguese,
// Italian, Dutch and Chinese. It takes a name apart into words, whatever its case, separators and accents: "NoDR", "no_dr" and
// "anodr" beside "bmilddr" are the same. It answers only where there is one reading:
//
//   - [Positive] wants a name that denies something (normal, healthy, no_dr, control, 0) beside one that does not, a
//     name and its denial, or two grades.
//   - [Grades] wants all names on one scale, of one disease, with a rank of their own each.
//   - [Conditions] wants names of different diseases, so that there is no scale.
package lexicon
