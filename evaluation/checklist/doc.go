// Package checklist holds published reporting guidelines as tables of items, and fills them from what is known of a
// study.
//
// An [Item] has the number and the section of the guideline. Its subject is in the words of this project, because the
// sentences of a guideline belong to its authors: read them there, at [Checklist.Source]. An item names the topics on
// which a program may know a [Fact], and says what only the author of a paper can write. [Checklist.Fill] brings both
// together, and nothing else: a fact that is not known is said to be missing.
package checklist
