package checklist

import (
	"fmt"
	"slices"
)

// Status says who answers an item.
type Status string

// The statuses of an [Answer].
const (
	Filled        Status = "filled"
	InPart        Status = "in part"
	ForAuthor     Status = "author"
	NotApplicable Status = "not applicable"
)

// An Answer is a filled item.
type Answer struct {
	Item
	Status Status
	Parts  []Part // a part for each topic of the item
}

// A Part is what is known on one topic.
type Part struct {
	Topic Topic
	Fact
}

// Fill returns the answer to each item. An item is filled if facts answer all of it.
func (c *Checklist) Fill(facts map[Topic]Fact) []Answer {
	out := make([]Answer, len(c.Items))
	for i, item := range c.Items {
		a := Answer{Item: item}
		for _, topic := range item.Topics {
			a.Parts = append(a.Parts, Part{topic, facts[topic]})
		}
		has := func(is func(Part) bool) bool { return slices.ContainsFunc(a.Parts, is) }
		switch {
		case a.Parts != nil && !has(func(p Part) bool { return !p.NotApplicable }):
			a.Status = NotApplicable
		case !has(func(p Part) bool { return p.Text != "" }):
			a.Status = ForAuthor
		case item.Author != "" || has(func(p Part) bool { return !p.NotApplicable && (p.Text == "" || p.Lacks != "") }):
			a.Status = InPart
		default:
			a.Status = Filled
		}
		out[i] = a
	}
	return out
}

// Where returns the files and keys that an answer comes from.
func (a *Answer) Where() (out []string) {
	for _, p := range a.Parts {
		for _, w := range p.Where {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// Summary counts answers by status.
func Summary(answers []Answer) string {
	n := map[Status]int{}
	for _, a := range answers {
		n[a.Status]++
	}
	return fmt.Sprintf("filled from the run: %d, in part: %d, for the author: %d, not applicable: %d", n[Filled],
		n[InPart],
		n[ForAuthor], n[NotApplicable])
}
