using System.Text;
using Metering.Core.Sources;
using Metering.Pipeline.Meter.Losses;

namespace Metering.Pipeline.Tests.Meter.Losses;

public sealed class ReportBookTests
{
    private static readonly EpochReport Good = new(Encoding.UTF8.GetBytes("gw/eu/1"), 7, 1, 10, 8, 100, 50, IsClosed: false);

    private readonly ReportBook _book = new(3);

    [Fact]
    public void TryPut_lays_a_report_where_its_source_s_events_are()
    {
        Assert.True(_book.TryPut("gw/eu/1/7", Good, out _));
        var home = Murmur2.PartitionOf(Good.Source, 3);
        Assert.Equal(Good, _book.Find(home, Encoding.UTF8.GetBytes("gw/eu/1"), 7));
        Assert.Null(_book.Find((home + 1) % 3, Good.Source, 7));
        Assert.Null(_book.Find(home, Good.Source, 8));
        Assert.Equal(1, _book.VersionOf(home));
        Assert.Equal([Good], _book.Since(home, 0));
        Assert.Empty(_book.Since(home, 1));
        _book.Remove(Good);
        Assert.Null(_book.Find(home, Good.Source, 7));
    }

    public static TheoryData<string, string, EpochReport> Hostile => new()
    {
        { "gw/eu/1/7", "last_sequence", Good with { LastSequence = -1, SettledSequence = 0 } },
        { "gw/eu/1/7", "last_sequence", Good with { LastSequence = long.MaxValue } },
        { "gw/eu/1/7", "acknowledged_sequence", Good with { SettledSequence = 11 } },
        { "gw/eu/1/7", "acknowledged_sequence", Good with { SettledSequence = long.MinValue } },
        { "gw/eu/1/7", "input_tokens", Good with { InputTokens = -1 } },
        { "gw/eu/1/-7", "epoch", Good with { Epoch = -7 } },
        { "/7", "source", Good with { Source = [] } },
        { "gw/eu/1/8", "key", Good },
        { "gw/eu/2/7", "key", Good },
        { "gw/eu/1/07", "key", Good },
        { "7", "key", Good },
        { "", "key", Good },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void R6_TryPut_refuses_what_cannot_be_true_and_says_what(string key, string what, EpochReport report)
    {
        _book.TryPut("gw/eu/1/7", Good, out _);
        Assert.False(_book.TryPut(key, report, out var fault));
        Assert.Contains(what, fault);
        Assert.Equal(Good, _book.Find(Murmur2.PartitionOf(Good.Source, 3), Good.Source, 7));
    }
}
