"""Checks the Kubernetes manifests of the pages against the published schemas.

The Job of docs/shards.md is compared with the schema of Kubernetes, and docs/examples/clusters/kubeflow.yaml with
that of Kubeflow Trainer's custom resources: DIR holds trainer.kubeflow.org_*.yaml, which the project publishes in
manifests/base/crds. An unknown field is an error in both. What the controller decides is not seen here.

    python3 -m venv /tmp/manifests
    /tmp/manifests/bin/pip install kubernetes-validate==1.37.0 jsonschema PyYAML
    /tmp/manifests/bin/python tools/scale/manifests.py DIR
"""

import pathlib
import re
import sys

import jsonschema
import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).parents[2]


def strict(schema):
    """Returns the schema with unknown fields refused, as `kubectl apply` does."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {k: strict(v) for k, v in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    return schema


def custom_resources(folder):
    """Returns the schema of each kind and version."""
    schemas = {}
    for path in pathlib.Path(folder).glob("trainer.kubeflow.org_*.yaml"):
        for crd in yaml.safe_load_all(path.read_text()):
            spec = crd["spec"]
            for version in spec["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                # The schema of the whole leaves the metadata to Kubernetes.
                metadata = schema["properties"]["metadata"]
                if not metadata.get("properties"):
                    metadata["additionalProperties"] = True
                key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                schemas[key] = strict(schema)
    return schemas


page = (ROOT / "docs/shards.md").read_text()
for text in re.findall(r"```yaml\n(.*?)```", page, re.S):
    job = yaml.safe_load(text)
    version = kubernetes_validate.latest_version()
    kubernetes_validate.validate(job, version, strict=True)
    print(f"docs/shards.md: {job['kind']} {job['metadata']['name']} follows the schema of Kubernetes {version}")

schemas = custom_resources(sys.argv[1])
for thing in yaml.safe_load_all((ROOT / "docs/examples/clusters/kubeflow.yaml").read_text()):
    jsonschema.validate(thing, schemas[thing["apiVersion"], thing["kind"]], jsonschema.Draft202012Validator)
    print(f"kubeflow.yaml: {thing['kind']} {thing['metadata']['name']} follows the schema of {thing['apiVersion']}")
    broken = {**thing, "spec": {**thing["spec"], "numNode": 2}}
    try:
        jsonschema.validate(broken, schemas[thing["apiVersion"], thing["kind"]], jsonschema.Draft202012Validator)
    except jsonschema.ValidationError as error:
        print("  a wrong field is refused:", error.message.splitlines()[0][:100])
    else:
        sys.exit("a wrong field was not seen")
