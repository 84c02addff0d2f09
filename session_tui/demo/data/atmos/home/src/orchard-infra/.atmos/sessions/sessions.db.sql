PRAGMA journal_mode=WAL;
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, project_path TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
  skill TEXT NOT NULL DEFAULT '', created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL, metadata TEXT
);
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL, archived BOOLEAN DEFAULT 0,
  FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE
);
CREATE TABLE session_context (
  session_id TEXT NOT NULL, context_type TEXT NOT NULL, context_key TEXT NOT NULL, context_value TEXT,
  FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE
);
CREATE TABLE message_summaries (
  id TEXT PRIMARY KEY, session_id TEXT NOT NULL, provider TEXT NOT NULL DEFAULT '', original_message_ids TEXT NOT NULL,
  message_range TEXT NOT NULL, summary_content TEXT NOT NULL, token_count INTEGER NOT NULL, compacted_at TIMESTAMP NOT NULL,
  FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE
);
CREATE INDEX idx_sessions_project_path ON sessions(project_path);
CREATE INDEX idx_sessions_name ON sessions(project_path, name);
CREATE INDEX idx_sessions_updated_at ON sessions(updated_at);
CREATE INDEX idx_messages_session_id ON messages(session_id);
CREATE INDEX idx_messages_created_at ON messages(session_id, created_at);
CREATE INDEX idx_messages_archived ON messages(session_id, archived);
CREATE INDEX idx_context_session_id ON session_context(session_id);
CREATE INDEX idx_context_type ON session_context(session_id, context_type);
CREATE INDEX idx_summaries_session ON message_summaries(session_id);
CREATE INDEX idx_summaries_compacted_at ON message_summaries(session_id, compacted_at);

INSERT INTO sessions (id, name, project_path, model, provider, skill, created_at, updated_at, metadata) VALUES ('38faba71-b3a6-4fc9-a5f9-3fe6a17abe77', 'vpc-third-zone', '{{home}}/src/orchard-infra', 'claude-sonnet-4-5', 'anthropic', '', '{{go -3h}}', '{{go -2h43m31s}}', 'null');
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (1, '38faba71-b3a6-4fc9-a5f9-3fe6a17abe77', 'user', 'Review the vpc component of the `plat-ue2-prod` stack. Anything that will hurt us when we add a third zone?', '{{go -2h59m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (2, '38faba71-b3a6-4fc9-a5f9-3fe6a17abe77', 'assistant', 'Two things:

1. The CIDR blocks are listed by hand, one per zone. A third zone shifts the *private* ranges and Terraform wants to replace the subnets.
2. `nat_gateways: 1` — with three zones all egress crosses zones.

```yaml
components:
  terraform:
    vpc:
      vars:
        availability_zones: ["use2-az1", "use2-az2", "use2-az3"]
        subnets_per_zone_newbits: 4      # instead of the list
        nat_gateway_per_zone: true
```

With `newbits` the ranges are computed per zone, and existing ones keep theirs.

---
*Token usage: ↑ 2,104 · ↓ 311 · cache: 0*', '{{go -2h54m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (3, '38faba71-b3a6-4fc9-a5f9-3fe6a17abe77', 'user', 'What does the second NAT cost?', '{{go -2h52m31s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (4, '38faba71-b3a6-4fc9-a5f9-3fe6a17abe77', 'assistant', 'About 32 $ a month each, plus 0.045 $/GB that flows through, whichever gateway it takes. You save the 0.01 $/GB between zones. Break-even is near **3.2 TB** a month; you had 5.1 TB in April.

---
*Token usage: ↑ 2,480 · ↓ 140 · cache: 2,048*', '{{go -2h43m31s}}', 0);
INSERT INTO session_context (session_id, context_type, context_key, context_value) VALUES ('38faba71-b3a6-4fc9-a5f9-3fe6a17abe77', 'stack_file', 'plat-ue2-prod', 'stacks/orgs/plat/ue2/prod.yaml');
INSERT INTO session_context (session_id, context_type, context_key, context_value) VALUES ('38faba71-b3a6-4fc9-a5f9-3fe6a17abe77', 'component', 'vpc', 'components/terraform/vpc');

INSERT INTO sessions (id, name, project_path, model, provider, skill, created_at, updated_at, metadata) VALUES ('6e884711-fb5f-4560-a866-41ff08349621', 'eks-1.32-staging', '{{home}}/src/orchard-infra', 'claude-sonnet-4-5', 'anthropic', 'kubernetes', '{{go -3d7h}}', '{{go -3d4h46m37s}}', '{"ticket":"OPS-412"}');
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (5, '6e884711-fb5f-4560-a866-41ff08349621', 'user', 'Plan the EKS upgrade 1.30 → 1.32 for staging. Which add-ons block us?', '{{go -3d6h59m58s}}', 1);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (6, '6e884711-fb5f-4560-a866-41ff08349621', 'assistant', '`vpc-cni` and `ebs-csi` need to go first; both support 1.31 from their current minor. Order: add-ons → control plane 1.31 → nodes → control plane 1.32 → nodes.', '{{go -3d6h44m58s}}', 1);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (7, '6e884711-fb5f-4560-a866-41ff08349621', 'user', 'Are there deprecated APIs in our charts?', '{{go -3d6h37m37s}}', 1);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (8, '6e884711-fb5f-4560-a866-41ff08349621', 'assistant', 'One: `flowcontrol.apiserver.k8s.io/v1beta3` in the monitoring chart, removed in 1.32. Bump the chart to 62.x.', '{{go -3d6h10m37s}}', 1);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (9, '6e884711-fb5f-4560-a866-41ff08349621', 'user', 'Do the add-ons with a blue/green node group?', '{{go -3d6h4m19s}}', 1);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (10, '6e884711-fb5f-4560-a866-41ff08349621', 'assistant', 'Not for the add-ons, they are daemon sets. For the nodes yes:

```hcl
node_groups = {
  blue  = { version = "1.30", desired = 6 }
  green = { version = "1.31", desired = 0 }
}
```', '{{go -3d5h40m19s}}', 1);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (11, '6e884711-fb5f-4560-a866-41ff08349621', 'user', 'Staging is on 1.31 now. Next?', '{{go -3d5h35m4s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (12, '6e884711-fb5f-4560-a866-41ff08349621', 'assistant', 'Drain blue, watch the PodDisruptionBudgets of `ingress` (minAvailable 2 with 2 replicas will block you), then repeat for 1.32.', '{{go -3d5h14m4s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (13, '6e884711-fb5f-4560-a866-41ff08349621', 'user', 'The drain hangs exactly there.', '{{go -3d5h4m37s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (14, '6e884711-fb5f-4560-a866-41ff08349621', 'assistant', 'Raise ingress to three replicas for the time being:

```bash
kubectl -n ingress scale deploy/controller --replicas=3
kubectl drain node-blue-4 --ignore-daemonsets --delete-emptydir-data
```', '{{go -3d4h46m37s}}', 0);
INSERT INTO message_summaries (id, session_id, provider, original_message_ids, message_range, summary_content, token_count, compacted_at) VALUES ('51e35516-19e9-424f-a6f2-9a3fa0afda5e', '6e884711-fb5f-4560-a866-41ff08349621', '', '[5,6,7,8,9,10]', 'Messages 5-10', 'SUMMARY OF EARLIER CONVERSATION:

[user]: Plan the EKS upgrade 1.30 → 1.32 for staging. Which add-ons block us?

[assistant]: `vpc-cni` and `ebs-csi` go first, then control plane and nodes, one minor at a time. The monitoring chart must move to 62.x (removed API). Nodes by blue/green groups.

(Summarized 6 messages)', 79, '{{go -3d5h35m9s}}');
INSERT INTO session_context (session_id, context_type, context_key, context_value) VALUES ('6e884711-fb5f-4560-a866-41ff08349621', 'component', 'eks/cluster', 'components/terraform/eks/cluster');

INSERT INTO sessions (id, name, project_path, model, provider, skill, created_at, updated_at, metadata) VALUES ('0b7a461f-efbb-48e5-a8e5-1884369a4b88', 'dns-drift', '{{home}}/src/orchard-infra', 'gpt-5', 'openai', '', '{{go -7d}}', '{{go -6d23h49m}}', 'null');
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (15, '0b7a461f-efbb-48e5-a8e5-1884369a4b88', 'user', '`atmos terraform plan dns -s plat-gbl-root` shows 14 changes nobody made.', '{{go -6d23h59m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (16, '0b7a461f-efbb-48e5-a8e5-1884369a4b88', 'assistant', 'Thirteen are TTLs: the provider now writes the default 300 explicitly. Harmless. The fourteenth is real: someone changed the MX record of `orchard.example` in the console on Friday.', '{{go -6d23h56m38s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (17, '0b7a461f-efbb-48e5-a8e5-1884369a4b88', 'user', 'Which value is right?', '{{go -6d23h55m}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (18, '0b7a461f-efbb-48e5-a8e5-1884369a4b88', 'assistant', 'The console one (`10 mx2.mail.example`): mail moved on Friday. Put it into the stack file, then the plan is empty except for the TTLs.', '{{go -6d23h49m}}', 0);
INSERT INTO session_context (session_id, context_type, context_key, context_value) VALUES ('0b7a461f-efbb-48e5-a8e5-1884369a4b88', 'query', 'plan', 'terraform plan dns -s plat-gbl-root');

INSERT INTO sessions (id, name, project_path, model, provider, skill, created_at, updated_at, metadata) VALUES ('d457e3a9-9392-403f-a705-7f50ac1cbc5d', 'passrole-cleanup', '{{home}}/src/orchard-infra', 'claude-sonnet-4-5', 'anthropic', 'security', '{{go -22d}}', '{{go -21d23h46m48s}}', 'null');
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (19, 'd457e3a9-9392-403f-a705-7f50ac1cbc5d', 'user', 'List the roles that may do `iam:PassRole` on `*`.', '{{go -21d23h59m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (20, 'd457e3a9-9392-403f-a705-7f50ac1cbc5d', 'assistant', '| role | where | used in the last 90 days |
|---|---|---|
| `deploy-legacy` | catalog/iam/legacy.yaml | no |
| `ci-runner` | catalog/iam/ci.yaml | yes |
| `backup-operator` | catalog/iam/backup.yaml | yes |

`deploy-legacy` can go. For the other two restrict the resource to `role/plat-*`.', '{{go -21d23h55m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (21, 'd457e3a9-9392-403f-a705-7f50ac1cbc5d', 'user', 'Remove legacy and restrict the rest.', '{{go -21d23h54m}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (22, 'd457e3a9-9392-403f-a705-7f50ac1cbc5d', 'assistant', 'Here is the patch for the catalog:

```diff
-        Resource: "*"
+        Resource: "arn:aws:iam::*:role/plat-*"
```', '{{go -21d23h46m48s}}', 0);

INSERT INTO sessions (id, name, project_path, model, provider, skill, created_at, updated_at, metadata) VALUES ('9f82f7b3-75f4-4a1b-a7d5-0abe0f760c4c', 'session-{{stampid -40d}}', '{{home}}/src/orchard-infra', 'gemini-2.5-pro', 'gemini', '', '{{go -40d}}', '{{go -39d23h53m23s}}', 'null');
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (23, '9f82f7b3-75f4-4a1b-a7d5-0abe0f760c4c', 'user', 'What are the three most expensive things in dev?', '{{go -39d23h59m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (24, '9f82f7b3-75f4-4a1b-a7d5-0abe0f760c4c', 'assistant', 'NAT gateways (211 $), an RDS `db.r6g.xlarge` that nobody connects to (388 $), and log retention of 400 days (94 $). The database is named `exp-anton` 🕵️.', '{{go -39d23h57m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (25, '9f82f7b3-75f4-4a1b-a7d5-0abe0f760c4c', 'user', 'Anton left in January…', '{{go -39d23h56m59s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (26, '9f82f7b3-75f4-4a1b-a7d5-0abe0f760c4c', 'assistant', 'Then snapshot and delete it. I prepared the change but did not apply anything.', '{{go -39d23h53m23s}}', 0);

INSERT INTO sessions (id, name, project_path, model, provider, skill, created_at, updated_at, metadata) VALUES ('dd75a9d6-fb30-4c43-a9fe-425cd5f90ff9', 'cambio-dns-tienda', '{{home}}/src/orchard-infra', 'gpt-4o', 'openai', '', '{{go -55d}}', '{{go -54d23h55m29s}}', 'null');
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (27, 'dd75a9d6-fb30-4c43-a9fe-425cd5f90ff9', 'user', '¿Cómo cambio el DNS de `tienda.example` sin cortar el servicio?', '{{go -54d23h59m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (28, 'dd75a9d6-fb30-4c43-a9fe-425cd5f90ff9', 'assistant', '1. Baja el TTL a 60 s un día antes.
2. Crea el registro nuevo con peso 0.
3. Sube el peso: 10 → 50 → 100.
4. Cuando no haya tráfico en el viejo, bórralo y devuelve el TTL a 3600.

Con Atmos son dos variables: `ttl` y `weights`.', '{{go -54d23h56m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (29, 'dd75a9d6-fb30-4c43-a9fe-425cd5f90ff9', 'user', '¡Gracias! Lo haré mañana temprano ☕', '{{go -54d23h55m29s}}', 0);

INSERT INTO sessions (id, name, project_path, model, provider, skill, created_at, updated_at, metadata) VALUES ('fa9383a4-bc91-46e8-a9d9-75a803a6f700', 'incident-0412', '{{home}}/src/orchard-infra', 'claude-sonnet-4-5', 'anthropic', '', '{{go -72d}}', '{{go -71d23h46m48s}}', '{"severity":1,"tags":["incident","api"]}');
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (30, 'fa9383a4-bc91-46e8-a9d9-75a803a6f700', 'user', 'prod alert: 5xx on the api, started 04:12. go', '{{go -71d23h59m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (31, 'fa9383a4-bc91-46e8-a9d9-75a803a6f700', 'assistant', 'Deploy of `api` at 04:09 in `plat-ue2-prod`. Memory limit went from 1Gi to 512Mi in the same change — pods are OOM-killed.

```bash
atmos terraform apply api -s plat-ue2-prod -- -var memory=1Gi
```', '{{go -71d23h55m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (32, 'fa9383a4-bc91-46e8-a9d9-75a803a6f700', 'user', 'applied, green again at 04:31. thx', '{{go -71d23h54m}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (33, 'fa9383a4-bc91-46e8-a9d9-75a803a6f700', 'assistant', 'For the post-mortem: the limit came from a merge of `catalog/api/defaults.yaml`; the stack had overridden it until commit `e81b0aa` removed the override.', '{{go -71d23h46m48s}}', 0);
INSERT INTO session_context (session_id, context_type, context_key, context_value) VALUES ('fa9383a4-bc91-46e8-a9d9-75a803a6f700', 'atmos_md', 'ATMOS.md', 'Answer in short sentences during incidents.');
