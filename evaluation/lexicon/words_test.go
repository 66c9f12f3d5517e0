package lexicon

import "testing"

func TestEachWordHasOneSymbol(t *testing.T) {
	for word, of := range vocabulary {
		if len(of) != 1 {
			t.Errorf("%q is %q", word, of)
		}
	}
}
