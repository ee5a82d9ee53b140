using System.Text;
using Metering.Cli.Policies;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Cli.Tests.Policies;

public sealed class PolicyFileTests
{
    [Fact]
    public void Parse_of_the_form_that_users_are_promised_is_that_policy()
    {
        var policy = Assert.Single(Read("""
            policies:
              - name: acme-per-minute
                match: { tenant: acme }          # tenant, key, model, route, pool, tag.NAME; a value, a list, or "each"
                limit: { tokens: 1000, per: minute, hard: true }
                steps:
                  - { at: 0.8, action: throttle, tokens_per_second: 200 }
                  - { at: 0.95, action: cap_output, max_output_tokens: 256 }
                mode: enforce
                share: 0.1
                when_control_is_lost: hold
                message: "Your team has used its tokens for this minute."
            """).Policies);
        Assert.Equal(("acme-per-minute", LimitUnit.Tokens, 1000L, LimitPeriod.Minute, true, false, 100_000, LostControl.Hold, false),
            (policy.Name, policy.Unit, policy.Amount, policy.Per, policy.Hard, policy.Rolling, policy.SharePpm, policy.WhenControlIsLost, policy.IsShadow));
        Assert.Equal("Your team has used its tokens for this minute.", policy.Message);
        Assert.Equal([new PolicyStep(800_000, StepAction.Throttle) { TokensPerSecond = 200 }, new PolicyStep(950_000, StepAction.CapOutput) { MaxOutputTokens = 256 }], policy.Steps);
        Assert.Equal("tenant=acme", PolicyScopes.Describe(policy.Match));
    }

    [Fact]
    public void Parse_reads_every_field()
    {
        var policies = Read("""
            policies:
              - name: a
                match: { tag.cost-centre: [x, "y z", 42], tenant: each, key: [each] }
                except: { key: [k_1, k_2], tenant: ours }
                limit: { usd: 1_000.000000000001, per: month, rolling: false }
                time_zone: Europe/Berlin
                steps: [ { at: 1, action: deny, retry_after_ms: 5_000 } ]
                mode: shadow
                when_control_is_lost: safe_share
                safe_share: 0.05
              - { "name": "b", "limit": { "concurrent": 7 }, "steps": [ { "at": 0.5, "action": "notify" } ] }
              - name: c
                limit: { output_tokens: 800_000, per: second, rolling: true }
                mode: shadow
                steps: [ { at: 0.000001, action: throttle, tokens_per_second: 1, burst_tokens: 2 }, { at: 1.5, action: downgrade, to_model: small } ]
            """).Policies;
        Assert.Equal("tenant=each/key=each/tag.cost-centre=42,x,y z", PolicyScopes.Describe(policies[0].Match));
        Assert.Equal((1_000_000_000_000_001L, "Europe/Berlin", true, LostControl.SafeShare, 50_000), (policies[0].Amount, policies[0].TimeZone, policies[0].IsShadow, policies[0].WhenControlIsLost, policies[0].SafeSharePpm));
        Assert.Equal(["each"], policies[0].Match.Single(match => match.Dimension == "key").Values);
        Assert.Equal(["k_1", "k_2", "ours"], policies[0].Except.SelectMany(match => match.Values));
        Assert.Equal(5_000, policies[0].Steps[0].RetryAfterMs);
        Assert.Equal((LimitUnit.Concurrent, 7L, LimitPeriod.None), (policies[1].Unit, policies[1].Amount, policies[1].Per));
        Assert.Equal((LimitUnit.OutputTokens, 800_000L, true), (policies[2].Unit, policies[2].Amount, policies[2].Rolling));
        Assert.Equal([(1, 1L, 2L, null), (1_500_000, null, null, "small")], policies[2].Steps.Select(step => (step.AtPpm, step.TokensPerSecond, step.BurstTokens, step.ToModel)));
    }

    [Theory]
    [InlineData("policy:\n  - name: a", "f.yaml: line 1: 'policy' is no field; give policies")]
    [InlineData("- name: a", "f.yaml: line 1: is a list; give fields: policies")]
    [InlineData("", "f.yaml: is empty; give policies: and a list")]
    [InlineData("# nothing\n", "f.yaml: is empty; give policies: and a list")]
    [InlineData("policies:", "policies is empty; give policies: and a list")]
    [InlineData("policies: {}", "f.yaml: line 1: policies is a map; give policies: and a list")]
    [InlineData("policies:\n  - limit: { tokens: 1, per: day, hard: true }", "f.yaml: line 2: a policy without a name: give it one")]
    [InlineData("policies:\n  - just text", "f.yaml: line 2: a policy without a name: is a text; give fields: name, match")]
    [InlineData("{A}\n    limits: {}", "f.yaml: line 3: policy 'a': 'limits' is no field; did you mean limit?")]
    [InlineData("{A}\n    limit: { tokns: 1, per: day }", "line 3: policy 'a': limit: 'tokns' is no field; did you mean tokens?")]
    [InlineData("{A}\n    limit: { tokens: 1, per: dey, hard: true }", "line 3: policy 'a': limit: per: 'dey' is not known; did you mean day?")]
    [InlineData("{A}\n    limit: { tokens: 1, per: fortnight, hard: true }", "per: 'fortnight' is not known; give second, minute, hour, day, week, month")]
    [InlineData("{A}\n    limit: { per: day, hard: true }", "limit: has no amount; give one of tokens, input_tokens")]
    [InlineData("{A}\n    limit: { tokens: 1, usd: 1, per: day, hard: true }", "limit: has tokens and usd; give one")]
    [InlineData("{A}", "line 2: policy 'a': has no limit; give limit:")]
    [InlineData("{A}\n    limit: 1000", "limit: is a text; give fields: tokens")]
    [InlineData("{A}\n    limit: { tokens: 800k, per: day, hard: true }", "tokens is '800k'; write a whole number out, such as 1000 or 1_000_000")]
    [InlineData("{A}\n    limit: { tokens: 1e6, per: day, hard: true }", "tokens is '1e6'; write a whole number out")]
    [InlineData("{A}\n    limit: { tokens: 1__0, per: day, hard: true }", "tokens is '1__0'; write")]
    [InlineData("{A}\n    limit: { tokens: -1, per: day, hard: true }", "tokens is '-1'; write")]
    [InlineData("{A}\n    limit: { tokens: 1.5, per: day, hard: true }", "tokens is '1.5'; write")]
    [InlineData("{A}\n    limit: { tokens: \"10\", per: day, hard: true }", "tokens is '10'; write")]
    [InlineData("{A}\n    limit: { tokens: 99999999999999999999, per: day, hard: true }", "tokens is '99999999999999999999'; write")]
    [InlineData("{A}\n    limit: { tokens: , per: day, hard: true }", "tokens is empty; write")]
    [InlineData("{A}\n    limit: { tokens: [1], per: day, hard: true }", "tokens is a list; write")]
    [InlineData("{A}\n    limit: { usd: 0.0000000000001, per: day, hard: true }", "usd is '0.0000000000001'; write an amount such as 50 or 12.50, of at most 12 decimals")]
    [InlineData("{A}\n    limit: { usd: 9223373, per: day, hard: true }", "usd is '9223373'; write an amount")]
    [InlineData("{A}\n    limit: { usd: $5, per: day, hard: true }", "usd is '$5'; write an amount")]
    [InlineData("{A}\n    limit: { tokens: 1, per: day, hard: yes }", "hard is 'yes'; give true or false")]
    [InlineData("{L}\n    mode: shadw", "mode: 'shadw' is not known; did you mean shadow?")]
    [InlineData("{L}\n    share: 10%", "share is '10%'; write a share such as 0.8")]
    [InlineData("{L}\n    share: 0.0000001", "share is '0.0000001'; write a share")]
    [InlineData("{L}\n    share: 1.5", "policy 'a': share is 1500000 millionths; give 0 to 1")]
    [InlineData("{L}\n    when_control_is_lost: hope", "when_control_is_lost: 'hope' is not known; did you mean hold?")]
    [InlineData("{L}\n    match: { tennant: acme }", "match: 'tennant' is no dimension; did you mean tenant?")]
    [InlineData("{L}\n    match: { tag: acme }", "match: 'tag' is no dimension")]
    [InlineData("{L}\n    match: { tenant: }", "match: tenant is empty; give a value, a list of values, or each")]
    [InlineData("{L}\n    match: { tenant: [] }", "match: tenant is a list; give a value")]
    [InlineData("{L}\n    match: { tenant: [a, [b]] }", "match: tenant is a list of other things than texts")]
    [InlineData("{L}\n    match: tenant", "match is a text; give dimensions")]
    [InlineData("{L}\n    except: { key: each }", "policy 'a': except: key: each would let every request through")]
    [InlineData("{L}\n    steps: { at: 1 }", "steps is a map; give a list")]
    [InlineData("{L}\n    steps: [ { at: 1, action: throtle, tokens_per_second: 1 } ]", "line 4: policy 'a': step 1: action: 'throtle' is not known; did you mean throttle?")]
    [InlineData("{L}\n    steps: [ { action: notify } ]", "step 1: has no at; give it")]
    [InlineData("{L}\n    steps: [ { at: 0.5, action: downgrade, to_model: b } ]", "downgrade is decided in shadow only, until routing is there")]
    [InlineData("{L}\n    message: [x]", "message is a list; give a text")]
    [InlineData("{L}\n    time_zone: Europe/Berlin", "time_zone says where days, weeks and months begin")]
    [InlineData("{A}\n    time_zone: UTC\n    limit: { tokens: 1, per: day, hard: true, time_zone: UTC }", "line 4: policy 'a': limit: time_zone stands beside limit too; keep one")]
    [InlineData("{L}\n  - name: a\n    limit: { tokens: 1, per: minute, hard: true }", "f.yaml: line 4: policy 'a': stands in line 2 too; keep one")]
    [InlineData("{L}\n    name: b", "f.yaml: line 4: 'name' stands twice in one place; keep one")]
    [InlineData("{L}\n    message: &x hello", "f.yaml: line 4: anchors and tags are not read; leave them out")]
    [InlineData("{L}\n    message: !!str hello", "line 4: anchors and tags are not read")]
    [InlineData("{L}\n    message: *x", "*x")]
    [InlineData("{L}\n    [a, b]: c", "line 4")]
    [InlineData("{L}\n---\npolicies: []", "line 4: a second document begins; a file holds one")]
    [InlineData("policies:\n\t- name: a", "f.yaml: line 2: is no YAML")]
    [InlineData("policies: [", "is no YAML")]
    [InlineData("policies: \"\\q\"", "is no YAML")]
    public void Parse_of_what_is_wrong_names_line_and_fix(string yaml, string expected)
    {
        yaml = yaml.Replace("{L}", "{A}\n    limit: { tokens: 1, per: minute, hard: true }", StringComparison.Ordinal).Replace("{A}", "policies:\n  - name: a", StringComparison.Ordinal);
        var error = Assert.Throws<PolicyFileException>(() => Read(yaml));
        Assert.Contains(error.Errors, sentence => sentence.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void Parse_names_all_errors_of_all_policies_at_once()
    {
        var error = Assert.Throws<PolicyFileException>(() => Read("""
            policies:
              - name: a
                limit: { tokns: 1, per: dey }
              - name: b
                limit: { tokens: 1, per: day, rolling: true, hard: true }
              - name: c c
                limit: { tokens: 1, per: day }
            """));
        Assert.Equal([3, 3, 3, 4, 6, 6], error.Errors.Select(sentence => int.Parse(sentence.Split("line ")[1].Split(':')[0], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void Parse_warns_of_a_share_of_a_hard_limit()
    {
        Assert.Contains("f.yaml: line 2: policy 'a': a hard limit with a share holds only for the requests that it touches", Assert.Single(Read("policies:\n  - { name: a, share: 0.5, limit: { tokens: 1, per: day, hard: true } }").Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.*b\0")]
    [InlineData("Ärger: {nicht}, [oft]")]
    [InlineData("\"quoted\\\"")]
    [InlineData("each")]
    [InlineData("null")]
    [InlineData("# no comment")]
    [InlineData("  spaces  ")]
    [InlineData("😀\u2028")]
    public void File_of_a_policy_is_read_back_as_the_same(string text)
    {
        var policy = new Policy
        {
            Name = "p",
            Match = [new("tenant", [text]), new("model", ["b", text]), new("pool", [], Each: true), new("tag." + text.Replace('\0', 'x'), ["1"])],
            Except = [new("key", [text])],
            Unit = LimitUnit.Usd,
            Amount = 12_500_000_000_001,
            Per = LimitPeriod.Day,
            TimeZone = "Europe/Berlin",
            Hard = true,
            IsShadow = true,
            Steps = [new(1, StepAction.CapOutput) { MaxOutputTokens = 5 }, new(999_999, StepAction.Downgrade) { ToModel = text }],
            SharePpm = 123_456,
            WhenControlIsLost = LostControl.SafeShare,
            SafeSharePpm = 1,
            Message = text.Replace("\0", "", StringComparison.Ordinal).Replace("\u2028", "", StringComparison.Ordinal),
        };
        var again = Assert.Single(Read(PolicyText.File(policy)).Policies);
        Assert.Equal(PolicyText.Fields(policy), PolicyText.Fields(again));
        Assert.Equal(text, again.Match[0].Values[0]);
        var json = Assert.Single(Read($"policies: [{Without(PolicyJson.Of(policy), "scope", "applied_at", "effective_at").ToJsonString()}]").Policies);
        Assert.Equal(PolicyText.Fields(policy), PolicyText.Fields(json));
    }

    private static System.Text.Json.Nodes.JsonObject Without(System.Text.Json.Nodes.JsonObject json, params string[] names)
    {
        foreach (var name in names)
            Assert.True(json.Remove(name));
        return json;
    }

    private static PolicyFile Read(string yaml) => PolicyFile.Parse("f.yaml", Encoding.UTF8.GetBytes(yaml));
}
