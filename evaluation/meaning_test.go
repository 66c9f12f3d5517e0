package evaluation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The names of the classes of public retinal data sets, as their folders or tables have them, and what their papers say
// that they mean. "a < b" are grades, "a | b*" two classes of which b is positive, "a, b" classes without an order, and
// a question mark in front is for what the names do not tell.
var publicSets = []struct{ set, want string }{
	{"APTOS 2019, EyePACS, Messidor-2, IDRiD, numbers", "0 < 1 < 2 < 3 < 4"},
	{"APTOS 2019 of RETFound", "anodr < bmilddr < cmoderatedr < dseveredr < eproliferativedr"},
	{"IDRiD of RETFound", "anoDR < bmildDR < cmoderateDR < dsevereDR < eproDR"},
	{"APTOS 2019 on Kaggle, Gaussian filtered", "No_DR < Mild < Moderate < Severe < Proliferate_DR"},
	{"EyePACS in words", "No DR < Mild < Moderate < Severe < Proliferative DR"},
	{"RetinaMNIST", "0_no_dr < 1_mild_npdr < 2_moderate_npdr < 3_severe_npdr < 4_pdr"},
	{"DDR in words", "No_DR < Mild_NPDR < Moderate_NPDR < Severe_NPDR < PDR"},
	{"DDR with the sixth class", "? 0, 1, 2, 3, 4, 5"},
	{"DDR, folders", "DR0 < DR1 < DR2 < DR3 < DR4"},
	{"FGADR", "grade 0 < grade 1 < grade 2 < grade 3 < grade 4"},
	{"Messidor", "R0 < R1 < R2 < R3"},
	{"Messidor, risk of macular edema", "? 0, 1, 2"},
	{"IDRiD, macular edema", "DME grade 0 < DME grade 1 < DME grade 2"},
	{"BRSET, three classes", "normal < non-proliferative < proliferative"},
	{"BRSET, ICDR", "Normal < Mild NPDR < Moderate NPDR < Severe NPDR < PDR"},
	{"Zhongshan, English scheme", "R0 < R1 < R2 < R3"},
	{"Davis", "NDR < SDR < PPDR < PDR"},
	{"Diabetic retinopathy, DIARETDB1", "normal < mild < moderate < severe < proliferative"},
	{"DeepDRiD", "Normal < Mild NPDR < Moderate NPDR < Severe NPDR < PDR"},
	{"Paraguay", "1. No DR signs < 2. Mild (or early) NPDR < 3. Moderate NPDR < 4. Severe NPDR < 5. Very Severe NPDR < 6. PDR < 7. Advanced PDR"},
	{"DR in two", "No_DR | DR*"},
	{"DR in two, by letters", "NoDR | DR*"},
	{"DR in two, compact", "nodr | dr*"},
	{"Referable DR", "Non-referable | Referable*"},
	{"Referable DR, abbreviated", "NRDR | RDR*"},
	{"Referable DR, compact", "nonreferable | referable*"},
	{"Referable, sight-threatening", "No DR < Non-referable DR < Referable DR < Sight-threatening DR"},
	{"Messidor-2 in two", "no_referable_dr | referable_dr*"},
	{"PAPILA of RETFound", "anormal < bsuspectglaucoma < cglaucoma"},
	{"PAPILA in words", "healthy < suspect < glaucoma"},
	{"PAPILA, codes", "? 0, 1, 2"},
	{"REFUGE", "Non-Glaucoma | Glaucoma*"},
	{"REFUGE, compact", "NonGlaucoma | Glaucoma*"},
	{"RIM-ONE DL", "normal | glaucoma*"},
	{"RIM-ONE r3", "Healthy < Suspect < Glaucoma"},
	{"RIM-ONE r1", "? Normal, Early Glaucoma, Moderate Glaucoma, Deep Glaucoma, OHT"},
	{"RIM-ONE r1 without hypertension", "Normal < Early Glaucoma < Moderate Glaucoma < Deep Glaucoma"},
	{"ORIGA, LAG", "0 | 1*"},
	{"LAG in words", "non_glaucoma | suspicious_glaucoma*"},
	{"ACRIMA", "Normal | Glaucoma*"},
	{"AIROGS", "NRG | RG*"},
	{"AIROGS in words", "no referable glaucoma | referable glaucoma*"},
	{"DRISHTI-GS", "Normal | Glaucomatous*"},
	{"G1020", "healthy | glaucoma*"},
	{"Harvard GDP", "non-glaucoma | glaucoma*"},
	{"Hillel Yaffe", "GON- | GON+*"},
	{"Glaucoma_fundus of RETFound", "anormal_control < bearly_glaucoma < cadvanced_glaucoma"},
	{"Glaucoma_fundus of Harvard", "normal_control < early_glaucoma < advanced_glaucoma"},
	{"HPA", "early < moderate < severe"},
	{"Retina of RETFound", "anormal, bcataract, cglaucoma, ddretina_disease"},
	{"Retina of Kaggle", "1_normal, 2_cataract, 2_glaucoma, 3_retina_disease"},
	{"Eye diseases of Kaggle", "cataract, diabetic_retinopathy, glaucoma, normal"},
	{"OCTID of RETFound", "ANormal, ARMD, CSR, Diabetic_retinopathy, Macular_Hole"},
	{"OCTID", "AMRD, CSR, DR, MH, NORMAL"},
	{"OCT2017", "CNV, DME, DRUSEN, NORMAL"},
	{"OCT2017 in two", "NORMAL | CNV*"},
	{"Srinivasan", "AMD, DME, NORMAL"},
	{"NEH", "CNV, DRUSEN, NORMAL"},
	{"OCTDL", "AMD, DME, ERM, NO, RAO, RVO, VID"},
	{"OCT C8", "AMD, CNV, CSR, DME, DR, DRUSEN, MH, NORMAL"},
	{"OLIVES", "? DME, DR"},
	{"ODIR-5K", "Normal, Diabetes, Glaucoma, Cataract, AMD, Hypertension, Myopia, Other diseases"},
	{"ODIR-5K, letters", "? N, D, G, C, A, H, M, O"},
	{"RFMiD in two", "0 | 1*"},
	{"RFMiD", "DR, ARMD, MH, DN, MYA, BRVO, TSLN, ERM, LS, MS, CSR, ODC, CRVO"},
	{"iChallenge-AMD", "Non-AMD | AMD*"},
	{"ADAM", "Non AMD | AMD*"},
	{"AREDS", "no AMD < early AMD < intermediate AMD < late AMD"},
	{"AREDS in words", "No < Early < Intermediate < Advanced"},
	{"AMD, types", "dry AMD, normal, wet AMD"},
	{"Drusen", "none < small < intermediate < large"},
	{"PALM", "non-PM | PM*"},
	{"PALM, three", "? normal, high myopia, pathological myopia"},
	{"ROP, plus disease", "Normal < Pre-Plus < Plus"},
	{"ROP, stages", "No ROP < ROP stage 1 < ROP stage 2 < ROP stage 3"},
	{"ROP, Roman", "Stage I < Stage II < Stage III < Stage IV < Stage V"},
	{"Hypertensive retinopathy", "HR grade 1 < HR grade 2 < HR grade 3 < HR grade 4"},
	{"Cataract", "no cataract < mild cataract < moderate cataract < severe cataract"},
	{"Keratoconus", "normal < suspect < keratoconus"},
	{"Keratoconus, severity", "normal < mild keratoconus < severe keratoconus"},
	{"STARE, CHASE", "? healthy, patient, other"},
	{"FIVES", "AMD, DR, Glaucoma, Normal"},
	{"EyeQ", "? Good, Reject, Usable"},
	{"EyeQ in two", "? gradable, ungradable"},
	{"BRSET, quality", "? Adequate, Inadequate"},
	{"mBRSET, edema", "no_macular_edema | macular_edema*"},
	{"Eye", "? left, right"},
	{"Sex", "? female, male"},
	{"Two diseases", "? AMD, glaucoma"},
	{"Codes from 1", "? 1, 2"},
	{"Signs", "-1 | 1*"},
	{"Yes and no", "no | yes*"},
	{"Risk", "low risk < medium risk < high risk"},
	{"Risk in two", "low risk | high risk*"},
	{"Severity in two", "mild | severe*"},
	{"Normal tension", "? normal tension glaucoma, high tension glaucoma"},
	{"Two names for healthy", "? no_dr, normal"},
	{"Neovascular", "? AMD, nAMD"},
	{"Grades and a disease", "? mild dr, severe glaucoma, other"},
	{"Early beside all", "? normal, early glaucoma, glaucoma"},
	{"Tie", "? normal, mild, early"},
	{"Types", "? type 1, type 2, type 3"},
	{"Indices", "? class 0, class 1, class 2"},
	{"Numbers against words", "? 1_severe, 2_mild, 3_moderate"},
	{"Letters", "? A, B, C"},
	{"Ungradable", "? mild, moderate, severe, ungradable"},
	{"One against the rest", "other | glaucoma*"},
	{"Abnormal", "normal | abnormal*"},
	{"Abnormal in Spanish", "normal | anormal*"},
	{"Control", "control | case*"},
	{"Numbered words", "0 - No DR < 1 - Mild < 2 - Moderate < 3 - Severe < 4 - Proliferative DR"},
	{"Numbered, joined", "Grade0 < Grade1 < Grade2 < Grade3 < Grade4"},
	{"Numbered and named", "grade_0_none < grade_1_mild < grade_2_moderate < grade_3_severe"},
	{"Healthy and grades", "Healthy < Mild DR < Moderate DR < Severe DR < Proliferate DR"},
	{"Doubtful", "Healthy < Doubtful < Minimal < Moderate < Severe"},
	{"Macular edema of Messidor", "M0 < M1 < M2"},
	{"Ten grades", "stage 1 < stage 2 < stage 9 < stage 10"},
	{"Signs in words", "DR_neg | DR_pos*"},
	{"Signs in whole words", "Glaucoma_Negative | Glaucoma_Positive*"},
	{"Absent and present", "edema absent | edema present*"},
	{"With and without", "without_DR | with_DR*"},
	{"Not", "not_glaucoma | glaucoma*"},
	{"Not normal", "normal | not normal*"},
	{"Unhealthy", "Healthy | Unhealthy*"},
	{"Truth", "FALSE | TRUE*"},
	{"Free", "glaucoma-free | glaucoma*"},
	{"Number and name", "0_normal | 1_glaucoma*"},
	{"Number and name, other order", "1_normal | 0_glaucoma*"},
	{"Whole eye", "Normal Fundus | Glaucoma Fundus*"},
	{"Diabetic", "non-diabetic | diabetic*"},
	{"Suspect", "normal | glaucoma_suspect*"},
	{"Myopia", "Non-myopic | Myopic*"},
	{"Dry and wet", "? dry AMD, wet AMD"},
	{"Amounts around a normal one", "? high, low, normal"},
	{"Plain Roman", "? I, II, III"},
	{"Late AMD in two kinds", "? no AMD, early AMD, intermediate AMD, GA, CNV"},
	{"Responders", "non-responder | responder*"},
	{"Hospitals", "? site A, site B, site C"},
	{"Modalities", "? FA, OCT, fundus"},
	{"Quality in grades", "? quality 1, quality 2, quality 3"},
	{"Eyes of two sides", "? OD, OS"},
	{"German", "keine DR < leichte NPDR < mittelschwere NPDR < schwere NPDR < PDR"},
	{"German in two", "gesund | Glaukom*"},
	{"French", "sans RD < légère < modérée < sévère < proliférante"},
	{"French in two", "sain | glaucome*"},
	{"Spanish", "sin RD < leve no proliferativa < moderada no proliferativa < severa no proliferativa < proliferativa"},
	{"Spanish in two", "sano | glaucoma*"},
	{"Portuguese", "normal < leve < moderada < grave < proliferativa"},
	{"Portuguese in two", "saudável | glaucoma*"},
	{"JSIEC", "0.0.Normal, 0.1.Tessellated fundus, 0.2.Large optic cup, 0.3.DR1, 1.0.DR2, 1.1.DR3, 10.0.Possible glaucoma, " +
		"10.1.Optic atrophy, 11.Severe hypertensive retinopathy, 12.Disc swelling and elevation, 13.Dragged Disc, " +
		"14.Congenital disc abnormality, 15.0.Retinitis pigmentosa, 15.1.Bietti crystalline dystrophy, " +
		"16.Peripheral retinal degeneration and break, 17.Myelinated nerve fiber, 18.Vitreous particles, " +
		"19.Fundus neoplasm, 2.0.BRVO, 2.1.CRVO, 20.Massive hard exudates, 21.Yellow-white spots-flecks, " +
		"22.Cotton-wool spots, 23.Vessel tortuosity, 24.Chorioretinal atrophy-coloboma, 25.Preretinal hemorrhage, " +
		"26.Fibrosis, 27.Laser Spots, 28.Silicon oil in eye, 29.0.Blur fundus without PDR, " +
		"29.1.Blur fundus with suspected PDR, 3.RAO, 4.Rhegmatogenous RD, 5.0.CSCR, 5.1.VKH disease, 6.Maculopathy, " +
		"7.ERM, 8.MH, 9.Pathological myopia"},
	{"Myopic maculopathy", "normal < tessellated fundus < diffuse atrophy < patchy atrophy < macular atrophy"},
	{"META-PM", "no macular lesions < tessellated fundus < diffuse chorioretinal atrophy < patchy chorioretinal atrophy < macular atrophy"},
	{"Atrophy and another disease", "normal, tessellated fundus, glaucoma, cataract"},
	{"Years", "? DR 2018, DR 2019, DR 2020"},
	{"Medium", "mild < medium < severe"},
	{"German amounts", "keine < leicht < mittel < schwer"},
	{"Portuguese, abbreviated", "Sem RD < RDNP leve < RDNP moderada < RDNP grave < RDP"},
	{"Portuguese yes and no", "não | sim*"},
	{"Chinese in two", "正常 | 青光眼*"},
	{"Chinese, denied", "非青光眼 | 青光眼*"},
	{"Chinese signs", "阴性 | 阳性*"},
	{"Chinese", "正常 < 轻度 < 中度 < 重度 < 增殖期"},
	{"Chinese, with the disease", "无糖尿病视网膜病变 < 轻度糖尿病视网膜病变 < 中度糖尿病视网膜病变 < 重度糖尿病视网膜病变 < 增殖性糖尿病视网膜病变"},
	{"Chinese diseases", "正常, 青光眼, 白内障"},
	{"Sick and fit", "? fit, sick"},
	{"JSIEC, two of them", "29.0.Blur fundus without PDR | 29.1.Blur fundus with suspected PDR*"},
}

func TestMeaningOfPublicDataSets(t *testing.T) {
	for _, x := range publicSets {
		classes, kind, unknown := parseMeaning(x.want)
		// As folders have it, and in another order.
		for _, given := range [][]string{slices.Sorted(slices.Values(classes)), reversed(slices.Sorted(slices.Values(classes)))} {
			m, err := MeaningOf(given, Said{})
			if err != nil {
				t.Fatal(err)
			}
			want := given
			if kind != "," {
				want = classes
			}
			if (m.Unknown != "") != unknown || m.Ordered != (kind == "<" && len(classes) > 2) || !slices.Equal(m.Classes, want) {
				t.Errorf("%s: %q gives %q, ordered %v\nhow: %s\nunknown: %s\nwant %s", x.set, given, m.Classes, m.Ordered, m.How,
					m.Unknown, x.want)
			}
		}
	}
}

// parseMeaning reads what a row of publicSets says.
func parseMeaning(text string) (classes []string, kind string, unknown bool) {
	text, unknown = strings.CutPrefix(text, "? ")
	for _, kind := range []string{"<", "|"} {
		if parts := strings.Split(text, " "+kind+" "); len(parts) > 1 {
			last := len(parts) - 1
			if kind == "|" {
				parts[last] = strings.TrimSuffix(parts[last], "*")
			}
			return parts, kind, unknown
		}
	}
	return strings.Split(text, ", "), ",", unknown
}

func reversed(list []string) []string {
	slices.Reverse(list)
	return list
}

func TestMeaningAsSaid(t *testing.T) {
	for _, x := range []struct {
		classes string
		said    Said
		want    string // classes and ordered, or part of the error
	}{
		{"y n", Said{}, "[n y] false"},
		{"a b", Said{Positive: "a"}, "[b a] false"},
		{"a b", Said{Positive: "b"}, "[a b] false"},
		{"a b", Said{Order: []string{"b", "a"}}, "[b a] false"},
		{"glaucoma healthy", Said{Positive: "healthy"}, "[glaucoma healthy] false"},
		{"a b", Said{Positive: "c"}, `the positive class "c" is none of the classes ["a" "b"]`},
		{"a b", Said{Positive: "a", Order: []string{"a", "b"}}, "is the first in the order"},
		{"a b c", Said{Positive: "a"}, "only one of two is positive"},
		{"a b c", Said{Order: []string{"c", "a", "b"}, Ordered: "yes"}, "[c a b] true"},
		{"a b c", Said{Order: []string{"c", "a", "b"}}, "[c a b] false"},
		{"a b c", Said{Order: []string{"c", "a"}}, "has to name each class once"},
		{"a b c", Said{Order: []string{"c", "a", "a"}}, "has to name each class once"},
		{"a b c", Said{Ordered: "perhaps"}, `"yes" or "no", not "perhaps"`},
		{"a b c", Said{Ordered: "yes"}, "[a b c] true"},
		{"mild severe moderate", Said{Ordered: "yes"}, "[mild moderate severe] true"},
		{"mild severe moderate", Said{Ordered: "no"}, "[mild severe moderate] false"},
		{"mild severe moderate", Said{Order: []string{"severe", "moderate", "mild"}}, "[severe moderate mild] true"},
		{"mild severe moderate", Said{Order: []string{"severe", "mild", "moderate"}}, "[severe mild moderate] false"},
		{"a a", Said{}, "the same name"},
		{"a", Said{}, "at least 2"},
	} {
		m, err := MeaningOf(strings.Fields(x.classes), x.said)
		got := fmt.Sprint(m.Classes, m.Ordered)
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != x.want || !strings.Contains(got, x.want) {
			t.Errorf("%s, %+v: %s; want %s", x.classes, x.said, got, x.want)
		}
	}
}

func TestArrangeMovesLabelsAndProbabilities(t *testing.T) {
	p := &Predictions{Classes: []string{"glaucoma", "healthy"}, Rows: []Prediction{
		{Path: "a", Label: 0, Probabilities: []float64{0.9, 0.1}}, {Path: "b", Label: 1, Probabilities: []float64{0.3, 0.7}}}}
	m, err := MeaningOf(p.Classes, Said{})
	if err == nil {
		err = p.Arrange(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Classes, p.Rows); got != "[healthy glaucoma] [{a 1 [0.1 0.9] []} {b 0 [0.7 0.3] []}]" {
		t.Error(got)
	}
	if err := p.Arrange(Meaning{Classes: []string{"healthy", "amd"}}); err == nil {
		t.Error("other classes are arranged")
	}
}

// An order that makes the healthy class positive counts, with a warning.
func TestOrderAgainstNames(t *testing.T) {
	for order, want := range map[string]bool{"glaucoma healthy": true, "healthy glaucoma": false, "b a": false} {
		classes := strings.Fields(order)
		m, err := MeaningOf(classes, Said{Order: classes})
		if err != nil || !slices.Equal(m.Classes, classes) || (m.Unknown != "") != want {
			t.Errorf("%s: %v, unknown %q, %v", order, m.Classes, m.Unknown, err)
		}
	}
}
