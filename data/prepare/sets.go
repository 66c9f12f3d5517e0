package prepare

// The class folders are RETFound's; their letters keep the classes in order. The numbers of images are those of the
// sets' own papers and pages, and with the rules of the splits they give RETFound's sizes.

var octid = &Set{
	Name:   "octid",
	Origin: "https://borealisdata.ca/dataverse/OCTID",
	Needs:  "the five zips of the dataverse, or folders NORMAL, AMRD, CSR, DR and MH, or their files (AMRD1.jpeg …)",
	Classes: []Class{
		{Folder: "ANormal", Images: 206, labels: []string{"NORMAL", "ANormal"}},
		{Folder: "ARMD", Images: 55, labels: []string{"AMRD", "ARMD", "AMD"}},
		{Folder: "CSR", Images: 102, labels: []string{"CSR"}},
		{Folder: "Diabetic_retinopathy", Images: 107, labels: []string{"DR", "Diabetic_retinopathy"}},
		{Folder: "Macular_Hole", Images: 102, labels: []string{"MH", "Macular_Hole"}},
	},
	test: 3,
	find: byFolder,
}

var retina = &Set{
	Name:   "retina",
	Origin: "https://www.kaggle.com/datasets/jr2ngb/cataractdataset",
	Needs:  "the zip, or its folder dataset (1_normal, 2_cataract, 2_glaucoma, 3_retina_disease)",
	Classes: []Class{
		{Folder: "anormal", Images: 300, labels: []string{"1_normal", "normal"}},
		{Folder: "bcataract", Images: 100, labels: []string{"2_cataract", "cataract"}},
		{Folder: "cglaucoma", Images: 101, labels: []string{"2_glaucoma", "glaucoma"}},
		{Folder: "ddretina_disease", Images: 100, labels: []string{"3_retina_disease", "retina_disease"}},
	},
	Fundus: true,
	test:   3,
	find:   byFolder,
}

var aptos2019 = &Set{
	Name:   "aptos2019",
	Origin: "https://www.kaggle.com/competitions/aptos2019-blindness-detection/data",
	Needs:  "the zip, or a folder with train.csv and train_images (or train_images.zip)",
	Classes: gradeClasses([5]string{"anodr", "bmilddr", "cmoderatedr", "dseveredr", "eproliferativedr"},
		[5]int{1805, 370, 999, 193, 295}),
	Fundus: true,
	test:   3,
	find:   findAPTOS,
}

var idrid = &Set{
	Name:   "idrid",
	Origin: "https://ieee-dataport.org/open-access/indian-diabetic-retinopathy-image-dataset-idrid",
	Needs:  "B. Disease Grading.zip, or its folder (1. Original Images, 2. Groundtruths)",
	Classes: withOfficialTest([5]int{34, 5, 32, 19, 13}, gradeClasses(
		[5]string{"anoDR", "bmildDR", "cmoderateDR", "dsevereDR", "eproDR"}, [5]int{168, 25, 168, 93, 62})),
	Fundus: true,
	test:   officialTest,
	find:   findIDRiD,
}

var messidor2 = &Set{
	Name: "messidor2",
	Origin: "https://www.adcis.net/en/third-party/messidor2 and " +
		"https://www.kaggle.com/datasets/google-brain/messidor2-dr-grades",
	Needs: "a folder with IMAGES.zip.001 to .004 (or the unpacked IMAGES), messidor_data.csv (the grades, from Kaggle)" +
		" and, to keep patients together, messidor-2.csv (the pairs of eyes)",
	Classes: gradeClasses([5]string{"anodr", "bmilddr", "cmoderatedr", "dseveredr", "eproliferativedr"},
		[5]int{1017, 270, 347, 75, 35}),
	Fundus: true,
	test:   3,
	find:   findMESSIDOR2,
}

var papila = &Set{
	Name:   "papila",
	Origin: "https://figshare.com/articles/dataset/PAPILA/14798004",
	Needs:  "the zip, or its folder (ClinicalData with patient_data_od.xlsx and patient_data_os.xlsx, FundusImages)",
	Classes: []Class{
		{Folder: "anormal", Images: 333, labels: []string{"0"}},
		{Folder: "bsuspectglaucoma", Images: 68, labels: []string{"2"}},
		{Folder: "cglaucoma", Images: 87, labels: []string{"1"}},
	},
	Fundus: true,
	test:   2,
	find:   findPAPILA,
}

var glaucomaFundus = &Set{
	Name:   "glaucoma_fundus",
	Origin: "https://doi.org/10.7910/DVN/1YRRAC",
	Needs:  "the zip of the dataverse, or folders normal_control, early_glaucoma, advanced_glaucoma",
	Classes: []Class{
		{Folder: "anormal_control", Images: 788, labels: []string{"normal_control"}},
		{Folder: "bearly_glaucoma", Images: 289, labels: []string{"early_glaucoma"}},
		{Folder: "cadvanced_glaucoma", Images: 467, labels: []string{"advanced_glaucoma"}},
	},
	Fundus: true,
	test:   3,
	find:   byFolder,
}

// gradeClasses returns classes for the five grades of diabetic retinopathy, which tables call 0 to 4.
func gradeClasses(folders [5]string, images [5]int) []Class {
	var classes []Class
	for i, label := range []string{"0", "1", "2", "3", "4"} {
		classes = append(classes, Class{Folder: folders[i], Images: images[i], labels: []string{label}})
	}
	return classes
}

// withOfficialTest sets the number of images of each class in the official test.
func withOfficialTest(tests [5]int, classes []Class) []Class {
	for i := range classes {
		classes[i].official = tests[i]
	}
	return classes
}
