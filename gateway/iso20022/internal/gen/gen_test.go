package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// schemaDir holds the official schemas, beside the repository.
const schemaDir = "../../../../../shared/iso20022/xsd"

func TestGeneratedFileIsCurrent(t *testing.T) {
	if files, _ := filepath.Glob(schemaDir + "/*.xsd"); len(files) == 0 {
		t.Skip("SKIPPED: the official schemas are not beside the repository; schema_gen.go was not compared with them")
	}
	want, err := Generate(schemaDir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../schema_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("schema_gen.go is not what the schemas give: run go generate with ISO20022_XSD set to their folder")
	}
}

const schemaHead = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:iso:std:iso:20022:tech:xsd:test.001.001.01"><xs:element name="Document" type="D"/>`

func generateFrom(t *testing.T, body string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "t.xsd"), []byte(schemaHead+body+"</xs:schema>"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := Generate(dir)
	return string(source), err
}

func TestGenerate(t *testing.T) {
	source, err := generateFrom(t, `
		<xs:complexType name="D"><xs:sequence><xs:element name="A" type="Amt"/><xs:element maxOccurs="unbounded" minOccurs="0" name="B" type="C"/></xs:sequence></xs:complexType>
		<xs:complexType name="C"><xs:choice><xs:element name="X" type="T"/><xs:element maxOccurs="3" name="Y" type="T"/></xs:choice></xs:complexType>
		<xs:simpleType name="T"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2,2}"/></xs:restriction></xs:simpleType>
		<xs:simpleType name="S"><xs:restriction base="xs:decimal"><xs:fractionDigits value="5"/><xs:totalDigits value="18"/><xs:minInclusive value="0"/></xs:restriction></xs:simpleType>
		<xs:complexType name="Amt"><xs:simpleContent><xs:extension base="S"><xs:attribute name="Ccy" type="T" use="required"/></xs:extension></xs:simpleContent></xs:complexType>`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"test.001.001.01", "Document", &typDInTEST00100101}`,
		`{"A", &typAmt, 1, 1}`,
		`{"B", &typC, 0, many}`,
		`{"Y", &typT, 1, 3}`,
		`typ{name: "Amt", kind: kindDecimal, fraction: 5, total: 18, notNegative: true, ccy: &typT}`,
		`typ{name: "T", kind: kindText, pattern: &pattern0}`,
	} {
		if !strings.Contains(source, want) {
			t.Errorf("no %s in\n%s", want, source)
		}
	}
}

func TestGenerateRefusesWhatTheTableCannotHold(t *testing.T) {
	simple := func(facets string) string {
		return `<xs:simpleType name="D"><xs:restriction base="xs:string">` + facets + `</xs:restriction></xs:simpleType>`
	}
	tests := map[string]string{
		"no such type":           "",
		"unsupported facet":      simple(`<xs:length value="3"/>`),
		"unsupported base":       `<xs:simpleType name="D"><xs:restriction base="xs:float"/></xs:simpleType>`,
		"unsupported <all>":      `<xs:complexType name="D"><xs:all/></xs:complexType>`,
		"unsupported <choice>":   `<xs:complexType name="D"><xs:sequence><xs:choice/></xs:sequence></xs:complexType>`,
		"unsupported wildcard":   `<xs:complexType name="D"><xs:sequence><xs:any processContents="strict"/></xs:sequence></xs:complexType>`,
		"unsupported occurrence": `<xs:complexType name="D"><xs:sequence><xs:element name="A" type="D" minOccurs="2"/></xs:sequence></xs:complexType>`,
		"could eat":              simple(`<xs:pattern value="[A-Z]{1,3}A"/>`),
		"optional end":           simple(`<xs:pattern value="(A|B)C"/>`),
		"unsupported character":  simple(`<xs:pattern value="A*"/>`),
		"quantifier":             simple(`<xs:pattern value="A{x}"/>`),
		"class without":          simple(`<xs:pattern value="[A"/>`),
	}
	for want, body := range tests {
		if _, err := generateFrom(t, body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := Generate(t.TempDir()); err == nil {
		t.Error("an empty folder was accepted")
	}
}

func TestCompilePattern(t *testing.T) {
	runs, tail, err := compilePattern(`\+[0-9]{1,3}(-[A-C\-]{2,2}){0,1}`)
	if err != nil {
		t.Fatal(err)
	}
	digits := run{set: [2]uint64{0x3ff << 48, 0}, min: 1, max: 3}
	if tail != 2 || len(runs) != 4 || runs[1] != digits || runs[3].set != [2]uint64{1 << '-', 0b1110} {
		t.Errorf("runs %v, tail %d", runs, tail)
	}
}
