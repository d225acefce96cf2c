"""Queries about policies, assessments, scores and inventories, as people ask them, for the tests and for two judges.

`ARTICLE` are those of Microsoft's article on reviewing exemptions, verbatim. `ANSWERED` all run here and are queries to
Microsoft's own parser too; `REFUSED` are refused by both. `BESIDE` are those where the two differ on purpose.
"""

ARTICLE = [
    """    securityresources
    | where type == "microsoft.security/assessments"
    // Get recommendations in useful format
    | project
    ['TenantID'] = tenantId,
    ['SubscriptionID'] = subscriptionId,
    ['AssessmentID'] = name,
    ['DisplayName'] = properties.displayName,
    ['ResourceType'] = tolower(split(properties.resourceDetails.Id,"/").[7]),
    ['ResourceName'] = tolower(split(properties.resourceDetails.Id,"/").[8]),
    ['ResourceGroup'] = resourceGroup,
    ['ContainsNestedRecom'] = tostring(properties.additionalData.subAssessmentsLink),
    ['StatusCode'] = properties.status.code,
    ['StatusDescription'] = properties.status.description,
    ['PolicyDefID'] = properties.metadata.policyDefinitionId,
    ['Description'] = properties.metadata.description,
    ['RecomType'] = properties.metadata.assessmentType,
    ['Remediation'] = properties.metadata.remediationDescription,
    ['Severity'] = properties.metadata.severity,
    ['Link'] = properties.links.azurePortal
    | where StatusDescription contains "Exempt"    
    """,  # noqa: W291 - verbatim
    """policyresources
| where type == "microsoft.authorization/policyexemptions"
| where subscriptionId == "<your-subscription-id>"
""",
    """policyresources
| where type == "microsoft.authorization/policyexemptions"
| where subscriptionId == "<your-subscription-id>"
| summarize ExemptionCount = count(), ExemptionNames = make_list(name) by tostring(properties.policyAssignmentId), tostring(properties.resourceSelectors)
| where ExemptionCount > 1
""",
]

_EXEMPTIONS = "policyresources | where type == 'microsoft.authorization/policyexemptions'"
_ASSESSMENTS = "securityresources | where type == 'microsoft.security/assessments'"

ANSWERED = [
    "resources | extend x = properties['time'], y = round(2567, 2), z = round(2.567, 2) | project x, y, z | take 1",
    "resources | extend ['asc'] = 1, kind2 = kind | where tags.a > 1 or tags.a between (1 .. 2) | project ['asc'], kind2",
    # exemptions
    f"{_EXEMPTIONS} | extend expiresOnC = todatetime(properties.expiresOn) | where isnotnull(expiresOnC) | where expiresOnC >= now() and expiresOnC < now(+90d) | project name, expiresOnC",
    f"{_EXEMPTIONS} | where isnull(todatetime(properties.expiresOn)) | project id",
    f"{_EXEMPTIONS} | where todatetime(properties.expiresOn) < now() | project name",
    f"{_EXEMPTIONS} | where isempty(properties.expiresOn) | count",
    f"{_EXEMPTIONS} | where isnotempty(properties.expiresOn) | project name, tostring(properties.expiresOn)",
    f"{_EXEMPTIONS} | where properties.exemptionCategory == 'Waiver' | project name",
    f"{_EXEMPTIONS} | where properties.exemptionCategory != 'Waiver' | project name",
    f"{_EXEMPTIONS} | where properties.description != 'x' | project name",
    f"{_EXEMPTIONS} | where properties.description == 'x' | project name",
    f"{_EXEMPTIONS} | where not(properties.description == 'x') | project name",
    f"{_EXEMPTIONS} | where properties.metadata.owner =~ 'DATA@contoso.example' | project name",
    f"{_EXEMPTIONS} | where array_length(properties.policyDefinitionReferenceIds) > 1 | project name",
    f"{_EXEMPTIONS} | where array_length(properties.policyDefinitionReferenceIds) == 0 or isnull(properties.policyDefinitionReferenceIds) | project name",
    f"{_EXEMPTIONS} | mv-expand ref = properties.policyDefinitionReferenceIds | project name, ref = tostring(ref)",
    f"{_EXEMPTIONS} | mv-expand ref = properties.policyDefinitionReferenceIds to typeof(string) | summarize n = count() by ref",
    f"{_EXEMPTIONS} | project name, refs = tostring(properties.policyDefinitionReferenceIds)",
    f"{_EXEMPTIONS} | project name, head = tostring(properties.policyDefinitionReferenceIds[0])",
    f"{_EXEMPTIONS} | summarize count() by tostring(properties.exemptionCategory)",
    f"{_EXEMPTIONS} | summarize names = make_set(name), n = dcount(name) by category = tostring(properties.exemptionCategory) | extend names = array_length(names)",
    f"{_EXEMPTIONS} | summarize n = countif(isnotempty(properties.expiresOn)), all = count()",
    f"{_EXEMPTIONS} | extend scope = tolower(tostring(split(id, '/providers/Microsoft.Authorization/')[0])) | summarize count() by scope | order by scope asc",
    f"{_EXEMPTIONS} | extend level = case(id startswith '/providers/Microsoft.Management', 'group', resourceGroup != '', 'resource group', 'subscription') | summarize count() by level",
    f"{_EXEMPTIONS} | extend days = datetime_diff('day', todatetime(properties.expiresOn), now()) | where days > 0 | project name, days",
    f"{_EXEMPTIONS} | where todatetime(properties.expiresOn) between (now() .. 365d) | project name",
    f"{_EXEMPTIONS} | where todatetime(properties.expiresOn) between (datetime(2020-01-01) .. datetime(2099-01-01)) | project name",
    f"{_EXEMPTIONS} | extend month = startofmonth(todatetime(properties.expiresOn)) | where isnotnull(month) | summarize count() by month",
    f"{_EXEMPTIONS} | summarize arg_max(todatetime(properties.expiresOn), name) by subscriptionId",
    f"{_EXEMPTIONS} | top 2 by name asc | project name",
    f"{_EXEMPTIONS} | sort by tostring(properties.expiresOn) asc, name desc | project name",
    f"{_EXEMPTIONS} | order by todatetime(properties.expiresOn) asc | project name",
    f"{_EXEMPTIONS} | order by todatetime(properties.expiresOn) desc nulls first | project name",
    f"{_EXEMPTIONS} | distinct subscriptionId, resourceGroup",
    f"{_EXEMPTIONS} | project-away properties, systemData, sku, plan | limit 1 | project name",
    f"{_EXEMPTIONS} | project-keep name, id | project-rename exemption = name | project exemption",
    f"{_EXEMPTIONS} | where name has 'waiver' or name has_any ('old', 'b') | project name",
    f"{_EXEMPTIONS} | where name hasprefix 'old' and name !contains 'zzz' and name !startswith 'q' | project name",
    f"{_EXEMPTIONS} | where name matches regex '^[a-z]+-[a-z]+$' | project name",
    f"{_EXEMPTIONS} | extend ticket = extract('([A-Z]+-[0-9]+)', 1, tostring(properties.metadata.ticket)) | project name, ticket",
    f"{_EXEMPTIONS} | join kind=leftouter (policyresources | where type == 'microsoft.authorization/policyassignments' | project assignment = tolower(id), label = tostring(properties.displayName)) on $left.name == $right.assignment | project name, label",
    f"{_EXEMPTIONS} | extend a = tolower(tostring(properties.policyAssignmentId)) | join kind=inner (policyresources | where type =~ 'Microsoft.Authorization/policyAssignments' | project a = tolower(id), assignment = name) on a | project name, assignment",
    f"{_EXEMPTIONS} | extend a = tolower(tostring(properties.policyAssignmentId)) | join kind=leftanti (policyresources | where type =~ 'Microsoft.Authorization/policyAssignments' | project a = tolower(id)) on a | project name",
    f"{_EXEMPTIONS} | extend a = tolower(tostring(properties.policyAssignmentId)) | join kind=leftsemi (policyresources | where type =~ 'Microsoft.Authorization/policyAssignments' | project a = tolower(id)) on a | project name",
    f"{_EXEMPTIONS} | join kind=leftouter (resourcecontainers | where type == 'microsoft.resources/subscriptions' | project subscriptionName = name, subscriptionId) on subscriptionId | project name, subscriptionName",
    "PolicyResources | where type =~ 'Microsoft.Authorization/PolicyAssignments' | project policyAssignmentId = tolower(tostring(id)), d = tolower(properties.policyDefinitionId) | join kind=leftouter (PolicyResources | where type =~ 'Microsoft.Authorization/PolicySetDefinitions' or type =~ 'Microsoft.Authorization/PolicyDefinitions' | project definitionId = tolower(id), definitionType = iff(type =~ 'Microsoft.Authorization/PolicysetDefinitions', 'initiative', 'policy')) on $left.d == $right.definitionId | project policyAssignmentId, definitionType",
    "policyresources | where type in~ ('Microsoft.Authorization/policyExemptions', 'microsoft.authorization/policyassignments') | summarize count() by type | order by type asc",
    "policyresources | where type has 'policysetdefinitions' and properties.policyType == 'Custom' | mv-expand m = properties.policyDefinitions | project name, ref = tostring(m.policyDefinitionReferenceId)",
    "policyresources | where type == 'microsoft.authorization/policyassignments' | extend mode = tostring(properties.enforcementMode) | summarize count() by mode",
    "policyresources | where type == 'microsoft.authorization/policydefinitions' and properties.policyType =~ 'custom' | summarize n = count(), least = min(name), most = max(name)",
    "policyresources | where type == 'microsoft.authorization/policyassignments' | where isnotempty(properties.notScopes) or array_length(properties.notScopes) > 0 | count",
    # assessments
    f"{_ASSESSMENTS} | summarize count() by tostring(properties.status.code)",
    f"{_ASSESSMENTS} | extend resourceId=id, recommendationId=name, recommendationName=properties.displayName, source=properties.resourceDetails.Source, recommendationState=properties.status.code, severity=properties.metadata.severity | project resourceId, recommendationId, tostring(recommendationName), tostring(recommendationState)",
    f"{_ASSESSMENTS} | where properties.status.code == 'Unhealthy' | extend name = tostring(properties.displayName) | summarize unhealthy = count() by name | order by unhealthy desc, name asc",
    f"{_ASSESSMENTS} | extend healthy = iff(properties.status.code == 'Healthy', 1, 0), other = iff(properties.status.code == 'NotApplicable', 1, 0) | summarize healthy = sum(healthy), other = sum(other), total = count() by tostring(properties.displayName)",
    f"{_ASSESSMENTS} | where properties.status.cause =~ 'exempt' | project id",
    f"{_ASSESSMENTS} | where properties.status.cause != 'Exempt' | project id",
    f"{_ASSESSMENTS} | extend resource = tolower(tostring(properties.resourceDetails.Id)) | summarize keys = make_list(name) by resource | extend n = array_length(keys) | project resource, n",
    f"{_ASSESSMENTS} | extend severity = tostring(properties.metadata.severity) | extend rank = case(severity == 'High', 3, severity == 'Medium', 2, severity == 'Low', 1, 0) | summarize max(rank), avg(rank)",
    f"{_ASSESSMENTS} | where properties.additionalData has 'x' | count",
    f"{_ASSESSMENTS} | extend shape = strcat(tostring(properties.status.code), '/', tostring(properties.status.cause)) | distinct shape",
    f"{_ASSESSMENTS} | summarize total = count(), healthy = countif(properties.status.code == 'Healthy') by subscriptionId | extend share = round(100.0 * healthy / total, 1)",
    f"{_ASSESSMENTS} | extend n = properties.score.n | where n > 2 | project n = tolong(n)",
    f"{_ASSESSMENTS} | extend n = todouble(properties.score.n) | summarize sum(n), min(n), max(n), avg(n)",
    f"{_ASSESSMENTS} | where properties.score.on == true | count",
    f"{_ASSESSMENTS} | extend half = tolong(properties.score.n) / 2, rest = tolong(properties.score.n) % 2 | where isnotnull(half) | project half, rest",
    f"{_ASSESSMENTS} | extend x = tolong(iff(properties.score.n == 0, 1, properties.score.n)) | summarize sum(x)",
    f"{_ASSESSMENTS} | project x = coalesce(tolong(properties.score.n), 0) | summarize sum(x)",
    f"{_ASSESSMENTS} | extend bag = pack('code', properties.status.code, 'n', 1) | project code = tostring(bag.code), n = tolong(bag.n)",
    f"{_ASSESSMENTS} | summarize any(name), take_any(id) | project any_name != '', id != ''",
    f"""{_ASSESSMENTS}
| extend source = tostring(properties.resourceDetails.Source)
| extend resourceId = trim(' ', tolower(tostring(case(source =~ 'azure', properties.resourceDetails.Id, source =~ 'aws' or source =~ 'gcp', properties.resourceDetails.AzureResourceId, extract('^(.+)/providers/Microsoft.Security/assessments/.+$', 1, id)))))
| project subscriptionId, assessmentKey = tolower(name), resourceId, code = tostring(properties.status.code), cause = tostring(properties.status.cause)""",
    f"{_ASSESSMENTS} | project x = trim(@'[^\\w]+', name), y = trim_start('a', name), z = trim_end(@'\\d', name)",
    # secure score and plans
    "securityresources | where type == 'microsoft.security/securescores' and name =~ 'ascScore' | project subscriptionId, current = todouble(properties.score.current), max = todouble(properties.score.max), pct = todouble(properties.score.percentage), weight = tolong(properties.weight)",
    """securityresources
| where type == 'microsoft.security/securescores/securescorecontrols'
| extend controlKey = name, h = toint(properties.healthyResourceCount), u = toint(properties.unhealthyResourceCount), defMax = todouble(properties.definition.properties.maxScore)
| mv-expand a = properties.definition.properties.assessmentDefinitions
| extend assessmentKey = tolower(extract('assessmentMetadata/([^/"]+)', 1, tostring(a.id)))
| project subscriptionId, controlKey, control = tostring(properties.displayName), h, u, defMax, assessmentKey""",
    "securityresources | where type == 'microsoft.security/pricings' | where properties.pricingTier == 'Standard' | project subscriptionId, name",
    # compliance and roles
    """policyresources
| where type =~ 'Microsoft.PolicyInsights/PolicyStates'
| extend complianceState = tostring(properties.complianceState)
| extend resourceId = tostring(properties.resourceId), stateWeight = tolong(properties.stateWeight), assignment = tostring(properties.policyAssignmentName)
| summarize max(stateWeight) by resourceId, assignment
| summarize counts = count() by assignment, max_stateWeight
| summarize overallStateWeight = max(max_stateWeight), nonCompliantCount = sumif(counts, max_stateWeight == 300), compliantCount = sumif(counts, max_stateWeight == 200), conflictCount = sumif(counts, max_stateWeight == 100), exemptCount = sumif(counts, max_stateWeight == 50) by assignment
| extend totalResources = todouble(nonCompliantCount + compliantCount + conflictCount + exemptCount)
| extend compliancePercentage = iff(totalResources == 0, todouble(100), 100 * todouble(compliantCount + exemptCount) / totalResources)
| project assignment, complianceState = iff(overallStateWeight == 300, 'noncompliant', iff(overallStateWeight == 200, 'compliant', iff(overallStateWeight == 100, 'conflict', iff(overallStateWeight == 50, 'exempt', 'notstarted')))), compliancePercentage, compliantCount, nonCompliantCount, conflictCount, exemptCount""",
    "policyresources | where type == 'microsoft.policyinsights/policystates' | where properties.complianceState == 'NonCompliant' | project id, resource = tostring(properties.resourceId), policy = tostring(properties.policyDefinitionId)",
    "authorizationresources | where type =~ 'microsoft.authorization/roleassignments' | extend role = tolower(tostring(split(tostring(properties.roleDefinitionId), '/')[-1])), who = tostring(properties.principalId) | summarize n = count() by role, who",
    "authorizationresources | where type == 'microsoft.authorization/roledefinitions' and properties.type == 'BuiltInRole' | project name = tostring(properties.roleName) | order by name asc",
    # resources and containers
    "resources | summarize count() by type | order by type asc",
    "resources | where type =~ 'microsoft.sql/servers' | project name, location, resourceGroup",
    "resources | where tags.env =~ 'PROD' | project name",
    "resources | where isnotempty(tags.env) or isnotempty(tags['team']) | project name",
    "resources | where isnull(tags) | count",
    "resources | where tags !has 'prod' | project name",
    "resources | extend parts = split(id, '/') | project name, depth = array_length(parts)",
    "resources | project name = toupper(name), len = strlen(name), part = substring(name, 0, 3), at = indexof(name, '-')",
    "resources | where name contains_cs 'KV' or name startswith_cs 'legacy' | project name",
    "resources | where name endswith 'sql' and name !endswith 'zzz' | project name",
    "resources | where strlen(name) > 5 and strlen(name) <= 40 | project name",
    "resources | where name in ('legacy-sql', 'nowhere') or name !in~ ('LEDGER', 'legacy-sql') | project name",
    "resources | extend shape = replace_string(name, '-', '_') | distinct shape",
    "resources | union (resourcecontainers | project name, type, id) | summarize count() by isContainer = type has 'subscriptions'",
    "resources | project id, tolower(name), tolower(type)",
    "resources | project name, name1 = name, tostring(location)",
    "resources | extend a = 1, b = 2.5, c = 'x', d = true, e = 1d, f = dynamic([1, 'b']) | project a, b, c, d, e, f | take 1",
    "resources | count",
    "resources | limit 0",
    "resources | where 1 == 1 and 2 > 1 and not(1 > 2) | count",
    "resources | where todatetime('2026-01-01') > datetime(2025-12-31) and 90m > 1h and 1d == 24h | count",
    "resources | project x = bin(7, 5), y = bin(datetime(2026-05-06T07:08:09Z), 1d), z = round(2.567, 2) | take 1",
    "resources | project d = datetime_diff('day', datetime(2026-03-01), datetime(2026-02-27)), m = datetime_add('month', 1, datetime(2026-01-31)) | take 1",
    "resources | project b = tobool('true'), l = tolong('12'), r = todouble('1.5'), n = tolong('x'), s = tostring(1.5) | take 1",
    "resources | project j = parse_json('{\"a\": [1, 2]}').a[1], k = bag_keys(dynamic({'x': 1, 'y': 2})) | take 1",
    "resources | project s = set_has_element(dynamic(['a', 'b']), 'b'), i = array_index_of(dynamic(['a', 'b']), 'b'), t = strcat_array(dynamic(['a', 'b']), '+') | take 1",
    "resourcecontainers | where type == 'microsoft.resources/subscriptions' | mv-expand mg = properties.managementGroupAncestorsChain | project name, mg = tostring(mg.name)",
    "ResourceContainers | where type contains 'management' | project id, name, type | order by name asc",
    "resourcecontainers | where type == 'microsoft.resources/subscriptions/resourcegroups' | summarize groups = count() by subscriptionId",
    "resourcecontainers | summarize n = count() by type | where n > 0 | order by n desc, type asc | project type",
    "resourcecontainers | where type == 'microsoft.management/managementgroups' | extend parent = tostring(properties.details.managementGroupAncestorsChain[0].name) | project name, parent",
]
"""Each must answer, and mean the same to Microsoft's parser: no complaint, the same columns."""

REFUSED = [
    "resources | where",
    "resources | where tags.a",
    "resources | where not(tags.a)",
    "resources | extend x = iff(tags.a, 1, 2)",
    "resources | extend x = round(tags.a)",
    "resources | extend x = abs(tags.a)",
    "resources | extend x = strlen(1)",
    "resources | where name < id",
    "resources | where tags.a < now()",
    "resources | where now() >= tags.a",
    "resources | where 1d < tags.a",
    "resources | where tags.a between (now() .. now())",
    "resources | where tags.a between (1 .. 1.5)",
    "resources | where 1 between (tags.a .. 3)",
    "resources | where true between (true .. true)",
    "resources | where strlen(name) > 5and id == 'x'",
    "resources | top 2by name",
    "resources | where name in ~ ('x')",
    "resources | where name matches  regex 'x'",
    "resources | project- away tags",
    "resources | summarize count(), by type",
    "resources | summarize count(name)",
    "resources | extend asc = 1",
    "resources | extend x = properties.time",
    "resources | extend x = properties.first",
    "resources | project union = name",
    "resources | where name",
    "resources | where name = 'x'",
    "resources | where nothere == 'x'",
    "resources | project Name",
    "resources | order by properties.a",
    "resources | summarize count() by properties.a",
    "resources | distinct tags",
    "resources | where properties.a > 'x'",
    "resources | where name + 1 == 2",
    "resources | where name == 'x' AND id == 'y'",
    "resources | order by name DESC",
    "resources | Where name == 'x'",
    "resources | project toLower(name)",
    "resources | project-away nothere",
    "resources | project a = 1, a = 2",
    "resources | project name, name",
    "resources | where name between ('a' .. 'b')",
    "resources | summarize sum(name)",
    "resources | summarize nonsense(name)",
    "resources | project strlen()",
    "resources | where (name == 'x'",
    "resources | where name in ()",
    "resources | frobnicate",
    "resources | project tolower(name",
    "resources | join kind=sideways (resources) on id",
    "resources | join (resources) on nothere",
    "resources | mv-expand name",
    "resources | top name",
    "resources | limit x",
    "resources | where name == 'x",
    "resources || count",
    "nowhere | count",
]
"""Neither is a query."""

UNMODELLED = [
    "resources | join (resources) on properties",
    "securityresources | where type == 'microsoft.security/subassessments'",
    "securityresources | where type =~ 'Microsoft.Security/regulatoryComplianceStandards'",
    "policyresources | where type in ('microsoft.authorization/policyexemptions', 'microsoft.guestconfiguration/x')",
    "policyresources | where tolower(type) contains 'remediation'",
    "policyresources | extend kindOfIt = type | where kindOfIt == 'microsoft.policyinsights/remediations'",
    "advisorresources | count",
    "resources | where name matches regex '['",
    "resources | where name matches regex '(?=x)'",
    "resources | parse name with * 'x' rest",
    "resources | evaluate bag_unpack(properties)",
    "let x = 1; resources | where name == x",
    "resources | where " + "(" * 200 + "1 == 1" + ")" * 200,
    "resources | where " + "not(" * 500 + "true" + ")" * 500,
    "resources | project " + "1+" * 5000 + "1",
    "resources | project dynamic(" + "[" * 5000 + "]" * 5000 + ")",
    "resources | where properties" + ".a" * 5000 + " == 1",
    "resources | union " + "(resources | union " * 100 + "(resources)" + ")" * 100,
]
"""Queries, or near to one, that this engine does not answer, and says so."""
