package evaluation

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/naming"
)

// A Grouping divides rows by an attribute.
type Grouping struct {
	Attribute string
	Limits    []float64 // of a number: it belongs to the group that begins with the largest limit up to it; nil: by value
}

// Groupings are several, each for itself.
type Groupings []Grouping

// Set reads groupings that commas separate, for a flag.
func (g *Groupings) Set(text string) error {
	more, err := ParseGroupings(append(g.list(), strings.Split(text, ",")...))
	if err == nil {
		*g = more
	}
	return err
}

// String returns the groupings as Set reads them.
func (g *Groupings) String() string { return strings.Join(g.list(), ",") }

func (g *Groupings) list() (out []string) {
	for _, x := range *g {
		text := x.Attribute
		for _, limit := range x.Limits {
			text += ":" + strconv.FormatFloat(limit, 'f', -1, 64)
		}
		out = append(out, text)
	}
	return out
}

// ParseGroupings reads groupings such as "sex" and "age:40:60:80".
func ParseGroupings(list []string) (Groupings, error) {
	var out Groupings
	for _, text := range list {
		parts := strings.Split(strings.TrimSpace(text), ":")
		g := Grouping{Attribute: strings.TrimSpace(parts[0])}
		if g.Attribute == "" {
			return nil, fmt.Errorf("%.100q names no attribute: write for example sex or age:40:60:80", text)
		}
		for _, limit := range parts[1:] {
			v, err := strconv.ParseFloat(strings.TrimSpace(limit), 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || len(g.Limits) > 0 && v <= g.Limits[len(g.Limits)-1] {
				return nil, fmt.Errorf("%.100q: limits are ascending numbers, as in age:40:60:80", text)
			}
			g.Limits = append(g.Limits, v)
		}
		if slices.ContainsFunc(out, func(o Grouping) bool { return o.Attribute == g.Attribute }) {
			return nil, fmt.Errorf("%.100q: %s stands there twice", text, g.Attribute)
		}
		out = append(out, g)
	}
	return out, nil
}

// CheckGroupings returns an error about the first grouping that none of these attributes allows.
func CheckGroupings(by Groupings, attributes []string) error {
	for _, g := range by {
		if !slices.Contains(attributes, g.Attribute) {
			known := "nothing is known of the images beside their labels; columns of the table of labels or of predictions " +
				"tell it"
			if len(attributes) > 0 {
				known = "what is known is " + naming.List(attributes) + "; groups=NAME in data.columns or -columns " +
					"adds a column of the table of labels"
			}
			return fmt.Errorf("subgroups by %.100q: %s", g.Attribute, known)
		}
	}
	return nil
}

// mostGroups is the largest number of groups by value.
const mostGroups = 20

// unknownGroup holds the rows whose attribute is not known.
const unknownGroup = "unknown"

// divide returns the groups of rows and their names, those without an attribute last.
func (p *Predictions) divide(by Grouping) (names []string, groups [][]int32, err error) {
	values := p.Attribute(by.Attribute)
	if values == nil {
		if p.Unit != "" {
			return nil, nil, fmt.Errorf("subgroups by %s: no %s has images that share one value of it", by.Attribute, p.Unit)
		}
		return nil, nil, fmt.Errorf("subgroups by %s: it is not known of any image", by.Attribute)
	}
	rows := map[string][]int32{}
	spelled := map[string]string{} // as a value was written first
	numbers := true
	for i, v := range values {
		name := unknownGroup
		if v != "" && by.Limits != nil {
			x, err := number(v)
			if err != nil {
				return nil, nil, fmt.Errorf("subgroups by %s: %s: %.100q is not a number", by.Attribute, rowName(i, p.Rows[i]), v)
			}
			name = by.group(x)
		} else if v != "" {
			if by.Attribute == eyeAttribute {
				v = eyeName(v)
			}
			folded := strings.ToLower(naming.Fold(v))
			if spelled[folded] == "" {
				spelled[folded] = v
				_, err := number(v)
				numbers = numbers && err == nil
			}
			name = spelled[folded]
		}
		if rows[name] == nil {
			names = append(names, name)
		}
		rows[name] = append(rows[name], int32(i))
	}
	if len(names) > mostGroups {
		return nil, nil, fmt.Errorf("subgroups by %s: it has %d different values, which are too many groups: for a number "+
			"name limits, as in %s:40:60", by.Attribute, len(names), by.Attribute)
	}
	slices.SortFunc(names, func(a, b string) int {
		if a == unknownGroup || b == unknownGroup {
			return cmp.Compare(index(a == unknownGroup), index(b == unknownGroup))
		}
		if by.Limits != nil {
			return cmp.Compare(by.place(a), by.place(b))
		}
		x, errX := number(a)
		y, errY := number(b)
		if numbers && errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		groups = append(groups, rows[name])
	}
	return names, groups, nil
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

// number returns the number in a cell, whose decimal mark may be a comma.
func number(cell string) (float64, error) {
	v, err := strconv.ParseFloat(strings.Replace(cell, ",", ".", 1), 64)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = strconv.ErrRange
	}
	return v, err
}

// groupNames returns the names of all groups by limits.
func (g Grouping) groupNames() []string {
	text := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	out := []string{"under " + text(g.Limits[0])}
	for i, limit := range g.Limits[1:] {
		out = append(out, text(g.Limits[i])+" to under "+text(limit))
	}
	return append(out, text(g.Limits[len(g.Limits)-1])+" and over")
}

func (g Grouping) group(x float64) string {
	i, found := slices.BinarySearch(g.Limits, x)
	return g.groupNames()[i+index(found)]
}

func (g Grouping) place(name string) int { return slices.Index(g.groupNames(), name) }
