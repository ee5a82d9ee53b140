using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Cli.Policies;

/// <summary>Makes policies of a document: strict, and with all errors at once.</summary>
internal sealed class PolicyFileReader(string file)
{
    private readonly List<string> _errors = [];
    private readonly List<string> _warnings = [];

    /// <exception cref="PolicyFileException">Something in it is wrong.</exception>
    public PolicyFile Read(YamlValue? root)
    {
        var policies = new List<Policy>();
        var lines = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var item in ReadItems(root))
        {
            if (ReadPolicy(item) is not { } policy)
                continue;
            if (!lines.TryAdd(policy.Name, item.Line))
                _errors.Add($"{file}: line {item.Line}: policy {Shown.Of(policy.Name)}: stands in line {lines[policy.Name]} too; keep one");
            _errors.AddRange(PolicyRules.Check(policy).Select(error => $"{file}: line {item.Line}: {error}"));
            Warn(policy, item.Line);
            policies.Add(policy);
        }
        return _errors.Count == 0 ? new PolicyFile(policies, _warnings) : throw new PolicyFileException(_errors);
    }

    private IReadOnlyList<YamlValue> ReadItems(YamlValue? root)
    {
        if (root is null or YamlText { IsNothing: true })
        {
            _errors.Add($"{file}: is empty; give policies: and a list");
            return [];
        }
        var fields = new FieldReader(file, "", root, PolicyFields.OfFile, _errors);
        if (fields.Take(PolicyFields.Policies) is YamlList list)
            return list.Items;
        if (_errors.Count == 0)
            fields.Refuse(fields.LineOf(PolicyFields.Policies), $"{PolicyFields.Policies} is {(fields.Take(PolicyFields.Policies) is { } other ? FieldReader.KindOf(other) : "missing")}; give policies: and a list");
        return [];
    }

    /// <summary>Null when it has errors of its own: then its rules are not asked.</summary>
    private Policy? ReadPolicy(YamlValue item)
    {
        var before = _errors.Count;
        var name = item is YamlMap map && map.Fields.FirstOrDefault(static field => field.Name == PolicyFields.Name)?.Value is YamlText { IsNothing: false } text ? text.Text : null;
        var where = name is null ? "a policy without a name" : $"policy {Shown.Of(name)}";
        var fields = new FieldReader(file, where, item, PolicyFields.OfPolicy, _errors);
        if (name is null && item is YamlMap)
            fields.Refuse(item.Line, "give it one: decisions, list and delete call it by name");
        var limit = ReadLimit(where, fields);
        var policy = new Policy
        {
            Name = name ?? "",
            Match = ReadMatches(where, fields, PolicyFields.Match),
            Except = ReadMatches(where, fields, PolicyFields.Except),
            Unit = limit.Unit,
            Amount = limit.Amount,
            Per = limit.Per,
            Rolling = limit.Rolling,
            Hard = limit.Hard,
            TimeZone = fields.Text(PolicyFields.TimeZone) ?? limit.TimeZone,
            Steps = ReadSteps(where, fields),
            IsShadow = fields.Word(PolicyFields.Mode, PolicyFields.Modes, otherwise: false),
            SharePpm = fields.Ppm(PolicyFields.Share) ?? PolicyShare.Whole,
            WhenControlIsLost = fields.Word(PolicyFields.WhenControlIsLost, PolicyFields.LostControls, LostControl.Hold),
            SafeSharePpm = fields.Ppm(PolicyFields.SafeShare) ?? 0,
            Message = fields.Text(PolicyFields.Message) ?? "",
        };
        return _errors.Count == before ? policy : null;
    }

    private readonly record struct Limit(LimitUnit Unit, long Amount, LimitPeriod Per, bool Rolling, bool Hard, string? TimeZone);

    private Limit ReadLimit(string where, FieldReader policy)
    {
        if (policy.Take(PolicyFields.Limit) is not { } value)
        {
            policy.Refuse(policy.Line, "has no limit; give limit: with an amount, such as { tokens: 1000, per: minute }");
            return default;
        }
        var fields = new FieldReader(file, $"{where}: limit", value, PolicyFields.OfLimit, _errors);
        string[] units = [.. PolicyFields.Units.Keys.Where(unit => fields.Take(unit) is not null)];
        if (units.Length != 1 && value is YamlMap)
            fields.Refuse(value.Line, units.Length == 0 ? $"has no amount; give one of {string.Join(", ", PolicyFields.Units.Keys)}" : $"has {string.Join(" and ", units)}; give one, and a policy of its own for each other");
        var unit = units.Length == 1 ? PolicyFields.Units[units[0]] : LimitUnit.Tokens;
        var amount = units.Length != 1 ? 0 : unit == LimitUnit.Usd ? fields.Usd(units[0]) : fields.Whole(units[0]);
        if (fields.Take(PolicyFields.TimeZone) is { } zone && policy.Take(PolicyFields.TimeZone) is not null)
            fields.Refuse(zone.Line, "time_zone stands beside limit too; keep one");
        return new Limit(unit, amount ?? 0, fields.Word(PolicyFields.Per, PolicyFields.Periods, LimitPeriod.None), fields.Flag(PolicyFields.Rolling), fields.Flag(PolicyFields.Hard), fields.Text(PolicyFields.TimeZone));
    }

    private PolicyMatch[] ReadMatches(string where, FieldReader policy, string field)
    {
        switch (policy.Take(field))
        {
            case null:
                return [];
            case YamlMap map:
                return [.. map.Fields.Select(one => ReadMatch($"{where}: {field}", one))];
            case var other:
                policy.Refuse(other.Line, $"{field} is {FieldReader.KindOf(other)}; give dimensions, such as {{ tenant: acme }}, or leave it out");
                return [];
        }
    }

    private PolicyMatch ReadMatch(string where, YamlField field)
    {
        if (PolicyDimension.Find(field.Name) is null)
            Refuse(field.Line, $"{Shown.Of(field.Name)} is no dimension; {FieldReader.Meant(field.Name, [.. PolicyDimension.Names, "tag.NAME"])}");
        switch (field.Value)
        {
            // Who has a tenant of that name writes a list of one.
            case YamlText { Text: PolicyFields.Each }:
                return new PolicyMatch(field.Name, [], Each: true);
            case YamlText { IsNothing: false } text:
                return new PolicyMatch(field.Name, [text.Text]);
            case YamlList list when list.Items.Count > 0 && list.Items.All(static item => item is YamlText { IsNothing: false }):
                return new PolicyMatch(field.Name, [.. list.Items.Select(static item => ((YamlText)item).Text)]);
            default:
                Refuse(field.Value.Line, $"{field.Name} is {(field.Value is YamlList { Items.Count: > 0 } ? "a list of other things than texts" : FieldReader.KindOf(field.Value))}; give a value, a list of values, or each");
                return new PolicyMatch(field.Name, []);
        }

        void Refuse(long line, string what) => _errors.Add($"{file}: line {line}: {where}: {what}");
    }

    private PolicyStep[] ReadSteps(string where, FieldReader policy)
    {
        switch (policy.Take(PolicyFields.Steps))
        {
            case null:
                return [];
            case YamlList list:
                return [.. list.Items.Select((item, i) => ReadStep($"{where}: step {i + 1}", item))];
            case var other:
                policy.Refuse(other.Line, $"steps is {FieldReader.KindOf(other)}; give a list, such as - {{ at: 0.8, action: notify }}");
                return [];
        }
    }

    private PolicyStep ReadStep(string where, YamlValue item)
    {
        var fields = new FieldReader(file, where, item, PolicyFields.OfStep, _errors);
        foreach (var needed in new[] { PolicyFields.At, PolicyFields.Action })
        {
            if (fields.Take(needed) is null && item is YamlMap)
                fields.Refuse(item.Line, $"has no {needed}; give it");
        }
        return new PolicyStep(fields.Ppm(PolicyFields.At) ?? 0, fields.Word(PolicyFields.Action, PolicyFields.Actions, StepAction.Notify))
        {
            TokensPerSecond = fields.Whole(PolicyFields.TokensPerSecond),
            BurstTokens = fields.Whole(PolicyFields.BurstTokens),
            MaxOutputTokens = fields.Whole(PolicyFields.MaxOutputTokens),
            ToModel = fields.Text(PolicyFields.ToModel),
            RetryAfterMs = fields.Whole(PolicyFields.RetryAfterMs),
        };
    }

    private void Warn(Policy policy, long line)
    {
        if (policy is { Hard: true, IsShadow: false, SharePpm: < PolicyShare.Whole })
            _warnings.Add($"{file}: line {line}: policy {Shown.Of(policy.Name)}: a hard limit with a share holds only for the requests that it touches; the others pass, and count");
        if (policy is { SharePpm: 0 })
            _warnings.Add($"{file}: line {line}: policy {Shown.Of(policy.Name)}: share is 0, so that it touches no request");
    }
}
