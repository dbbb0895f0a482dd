package gateway

import (
	"encoding/json"
	"strings"
	"testing"

	"viaduct/openapi"
)

func TestReadJSON(t *testing.T) {
	deep := strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2)
	tests := []struct {
		in   string
		want any
		code openapi.ErrorCode // of the only fault, "" for none
		at   string
	}{
		{`{"a":[1,-2.5e3,true,false,null,"x"],"b":{}}`, obj{"a": []any{json.Number("1"), json.Number("-2.5e3"), true, false, nil, "x"}, "b": obj{}}, "", ""},
		{" \t\r\n\"\\\"\\\\\\/\\b\\f\\n\\r\\té\\u00e9\\ud83d\\ude00\" ", "\"\\/\b\f\n\r\té\u00e9\U0001F600", "", ""},
		{`{"a/b":{"~":1,"~":2}}`, obj{"a/b": obj{"~": json.Number("2")}}, openapi.ErrorCodeDuplicateKey, "/a~1b/~0"},
		{`{"a":1,"\u0061":2}`, obj{"a": json.Number("2")}, openapi.ErrorCodeDuplicateKey, "/a"},
		{`{"a":1e400}`, obj{"a": json.Number("0")}, openapi.ErrorCodeInvalidValue, "/a"},
		{`[0,` + strings.Repeat("1", 41) + `]`, []any{json.Number("0"), json.Number("0")}, openapi.ErrorCodeInvalidValue, "/1"},
		{`{"a":"x\u0000y"}`, obj{"a": "x\x00y"}, openapi.ErrorCodeInvalidValue, "/a"},
		{``, nil, openapi.ErrorCodeMalformedJson, ""},
		{`{"a":1,}`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`[1,]`, nil, openapi.ErrorCodeMalformedJson, "/1"},
		{`[1 2]`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`{a:1}`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`{"a" 1}`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`{"a":01}`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`+1`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`.5`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`1.`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`1e`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`-`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`NaN`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`nul`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`"x`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`"\x"`, nil, openapi.ErrorCodeMalformedJson, ""},
		{`"\u12"`, nil, openapi.ErrorCodeMalformedJson, ""},
		{"\"\x01\"", nil, openapi.ErrorCodeMalformedJson, ""},
		{`{"a":[{"b":"\udc00"}]}`, nil, openapi.ErrorCodeInvalidUtf8, "/a/0/b"},
		{`"\ud800\u0041"`, nil, openapi.ErrorCodeInvalidUtf8, ""},
		{"\"\xc3\x28\"", nil, openapi.ErrorCodeInvalidUtf8, ""},
		{"\ufeff{}", nil, openapi.ErrorCodeMalformedJson, ""},
		{`1 1`, nil, openapi.ErrorCodeTrailingData, ""},
		{deep, nil, openapi.ErrorCodeTooDeep, strings.Repeat("/0", maxDepth+1)},
	}
	for _, tt := range tests {
		var f faults
		got := readJSON([]byte(tt.in), &f)
		if tt.code == "" && len(f.list) > 0 || tt.code != "" && (len(f.list) != 1 || f.list[0].Rule != tt.code || f.list[0].Pointer != tt.at) {
			t.Errorf("readJSON(%.60q): faults %+v, want %s at %q", tt.in, f.list, tt.code, tt.at)
			continue
		}
		diff(t, tt.in, got, tt.want)
	}
}

// Whatever is read without a fault reads the same in the standard library, and the other way round
// nothing that it refuses gets through.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,"é\n\ud83d\ude00"],"b":{"c":null}}`, `[true,false]`, `"\ud800"`, `{"a":1,"a":2}`, `-0`, `[1,]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var found faults
		got := readJSON(data, &found)
		if len(found.list) > 0 {
			return
		}
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("readJSON takes %q, which encoding/json refuses: %v", data, err)
		}
		diff(t, string(data), got, want)
	})
}
