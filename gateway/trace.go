package gateway

import "strings"

// traceparent is a caller's traceparent header (W3C Trace Context, section 3.2), or nothing when it sent
// none that is well formed.
type traceparent string

// readTraceparent reads version 00 and what later versions begin with.
func readTraceparent(text string) traceparent {
	const size = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if len(text) < size || text[:2] == "ff" || text[:2] == "00" && len(text) != size || len(text) > size && text[size] != '-' {
		return ""
	}
	text = text[:size]
	for i, c := range []byte(text) {
		dash := i == 2 || i == 35 || i == 52
		if dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(c)) {
			return ""
		}
	}
	if strings.Trim(text[3:35], "0") == "" || strings.Trim(text[36:52], "0") == "" {
		return ""
	}
	return traceparent(text)
}

// id returns the trace's id, by which logs and errors are found.
func (t traceparent) id() string {
	if t == "" {
		return ""
	}
	return string(t[3:35])
}
