package config

import (
	"fmt"
	"math"
)

// An interval is a range of finite numbers, written as in "[0, 1)" and "(0, inf)": a square bracket includes its end, a
// round one does not.
type interval struct {
	low, high        float64
	opening, closing rune
}

func parseInterval(text string) *interval {
	var s interval
	if _, err := fmt.Sscanf(text, "%c%f, %f%c", &s.opening, &s.low, &s.high, &s.closing); err != nil {
		panic(fmt.Sprintf("config: range %q: %v", text, err))
	}
	return &s
}

func (s interval) contains(x float64) bool {
	return (x > s.low || s.opening == '[' && x == s.low) && (x < s.high || s.closing == ']' && x == s.high)
}

// String describes the interval in words, after "must be".
func (s interval) String() string {
	low, high := fmt.Sprintf("at least %v", s.low), fmt.Sprintf("at most %v", s.high)
	if s.opening == '(' {
		low = fmt.Sprintf("above %v", s.low)
	}
	if math.IsInf(s.high, 1) {
		return low
	}
	if s.closing == ')' {
		high = fmt.Sprintf("below %v", s.high)
	}
	return low + " and " + high
}
