using Metering.Pipeline.Govern;

namespace Metering.Pipeline.Tests.Govern;

/// <summary>Each scope is looked at once a second, and not all of them at once.</summary>
public sealed class ScopeRoundsTests
{
    private const long Start = 1_790_000_000_000_000;

    private readonly ScopeRounds _rounds = new();
    private readonly List<ScopeState> _scopes = [.. Enumerable.Range(0, 210).Select(static n => new ScopeState([(byte)n], $"scope-{n}"))];

    public ScopeRoundsTests()
    {
        _scopes.ForEach(_rounds.Add);
        Assert.Equal(210, Look(Start).Count); // nobody was looked at before
    }

    private List<(ScopeState Scope, int Look)> Look(long now)
    {
        _rounds.Begin(now);
        var due = _scopes.Where(_rounds.IsDue).ToHashSet();
        var looked = _rounds.Due().ToList();
        Assert.Equal(due, looked.Select(static l => l.Scope).ToHashSet());
        return looked;
    }

    [Fact]
    public void A_second_of_commits_looks_at_each_scope_once_a_few_a_commit()
    {
        var looked = new List<(ScopeState Scope, int Look)>();
        for (var ms = 50; ms <= 1000; ms += 50)
        {
            var some = Look(Start + (ms * 1000L));
            Assert.InRange(some.Count, 10, 11);
            looked.AddRange(some);
        }
        Assert.Equal(210, looked.Select(static l => l.Scope).Distinct().Count());
        Assert.Equal(210, looked.Count);
        Assert.All(looked, static l => Assert.Equal(1, l.Look));
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(7_300)]
    public void Who_commits_seldom_looks_at_all_of_them_once(int ms) =>
        Assert.Equal(_scopes.ToHashSet(), Look(Start + (ms * 1000L)).Select(static l => l.Scope).ToHashSet());

    [Fact]
    public void A_commit_within_the_same_moment_looks_at_nobody() => Assert.Empty(Look(Start + 10_000));

    [Fact]
    public void Who_goes_while_it_is_looked_at_is_not_looked_at_again_and_the_others_are()
    {
        _rounds.Begin(Start + 1_000_000);
        foreach (var (scope, _) in _rounds.Due())
            scope.IsGone = scope.Name[0] % 3 == 0;
        _scopes.RemoveAll(static scope => scope.IsGone);
        Assert.Equal(140, Look(Start + 2_000_000).Count);
    }
}
