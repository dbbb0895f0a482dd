package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// schema is one .xsd file: its namespace, its one global element and its types by name.
type schema struct {
	Space    string        `xml:"targetNamespace,attr"`
	Elements []element     `xml:"element"`
	Simples  []simpleType  `xml:"simpleType"`
	Complexs []complexType `xml:"complexType"`

	simple  map[string]*simpleType
	complex map[string]*complexType
}

type element struct {
	Name string `xml:"name,attr"`
	Type string `xml:"type,attr"`
	Min  string `xml:"minOccurs,attr"`
	Max  string `xml:"maxOccurs,attr"`
}

type simpleType struct {
	Name        string `xml:"name,attr"`
	Restriction struct {
		Base   string  `xml:"base,attr"`
		Facets []facet `xml:",any"`
	} `xml:"restriction"`
}

type facet struct {
	XMLName xml.Name
	Value   string `xml:"value,attr"`
}

type complexType struct {
	Name     string `xml:"name,attr"`
	Sequence *group `xml:"sequence"`
	Choice   *group `xml:"choice"`
	Simple   *struct {
		Extension struct {
			Base       string `xml:"base,attr"`
			Attributes []struct {
				Name string `xml:"name,attr"`
				Type string `xml:"type,attr"`
				Use  string `xml:"use,attr"`
			} `xml:"attribute"`
		} `xml:"extension"`
	} `xml:"simpleContent"`
	Others []struct{ XMLName xml.Name } `xml:",any"`
}

type group struct {
	Elements []element `xml:"element"`
	Any      []struct {
		Space   string `xml:"namespace,attr"`
		Process string `xml:"processContents,attr"`
	} `xml:"any"`
	Others []struct{ XMLName xml.Name } `xml:",any"`
}

// readSchemas reads every .xsd of dir, in order of file name.
func readSchemas(dir string) ([]*schema, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.xsd"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no .xsd file in %q", dir)
	}
	sort.Strings(files)
	var all []*schema
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s := &schema{simple: map[string]*simpleType{}, complex: map[string]*complexType{}}
		if err := xml.Unmarshal(data, s); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		if len(s.Elements) != 1 {
			return nil, fmt.Errorf("%s: %d global elements, want 1", filepath.Base(file), len(s.Elements))
		}
		for i := range s.Simples {
			s.simple[s.Simples[i].Name] = &s.Simples[i]
		}
		for i := range s.Complexs {
			s.complex[s.Complexs[i].Name] = &s.Complexs[i]
		}
		all = append(all, s)
	}
	return all, nil
}

// message returns the message's identifier, the last part of its namespace: "pacs.008.001.08".
func (s *schema) message() string {
	return s.Space[strings.LastIndexByte(s.Space, ':')+1:]
}
