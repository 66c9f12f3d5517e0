// Package docs holds the pages that users read.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

var (
	apart    = regexp.MustCompile(`^([|#<!]|$)`)          // lines that belong to no paragraph
	item     = regexp.MustCompile(`^\s*([*-]|\d+\.) `)    // the mark of a list item
	opaque   = regexp.MustCompile("`[^`]*`|\\]\\(.*?\\)") // code and addresses, which count as one word
	sentence = regexp.MustCompile(`[.!?]["”)*]*(\s|$)`)   // the end of a sentence
	link     = regexp.MustCompile(`\]\(([^)#\s]+)`)       // a link to another file
)

// The pages follow the style guide outside tables and code. No sentence has more than 30 words and no line more than
// 120 characters. Every relative link leads to a file.
func TestPages(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../*.md", "*.md", "evidence/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(found), err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		code, paragraph := false, ""
		for _, line := range append(strings.Split(string(text), "\n"), "") {
			fence := strings.HasPrefix(line, "```")
			code = code != fence
			inside := !code && !fence && !apart.MatchString(line)
			if n := utf8.RuneCountInString(line); inside && n > 120 {
				t.Errorf("%s: a line of %d characters: %s", page, n, line)
			}
			if !inside || item.MatchString(line) {
				for _, s := range sentence.Split(opaque.ReplaceAllString(paragraph, "x"), -1) {
					if n := len(strings.Fields(s)); n > 30 {
						t.Errorf("%s: a sentence of %d words: %s", page, n, s)
					}
				}
				paragraph = ""
			}
			if inside {
				paragraph += item.ReplaceAllString(line, "") + "\n"
			}
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil && !strings.Contains(m[1], "://") {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
