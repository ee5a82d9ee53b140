using System.Text;
using Metering.Benchmarks.Gateways.Load;

namespace Metering.Gateway.Tests.Benchmark;

/// <summary>The load generator's own arithmetic.</summary>
public sealed class LoadTests
{
    [Theory]
    [InlineData(0.5, 50)]
    [InlineData(0.99, 99)]
    [InlineData(0.991, 100)]
    [InlineData(1, 100)]
    [InlineData(0.001, 1)]
    public void A_percentile_is_the_smallest_value_that_the_share_does_not_pass(double share, long expected)
    {
        var percentiles = new Percentiles();
        foreach (var value in Enumerable.Range(1, 100).OrderByDescending(static value => value % 7))
            percentiles.Add(value);
        Assert.Equal(expected, percentiles.At(share));
        percentiles.Add(1_000); // after it was asked
        Assert.Equal(1_000, percentiles.At(1));
    }

    [Fact]
    public void Percentiles_of_nothing_are_0_and_a_share_beyond_1_is_refused()
    {
        Assert.Equal(0, new Percentiles().At(0.99));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Percentiles().At(99));
    }

    [Fact]
    public void Independent_arrivals_ascend_have_the_rate_exponential_gaps_and_repeat_by_their_seed()
    {
        var due = Arrivals.Independent(1_000, TimeSpan.FromSeconds(20), seed: 7);
        Assert.InRange(due.Length, 19_400, 20_600); // four standard deviations
        Assert.InRange(due[^1], 19_900_000_000, 20_000_000_000);
        var gaps = due.Zip(due.Skip(1), static (a, b) => b - a).ToList();
        Assert.DoesNotContain(gaps, static gap => gap < 0);
        // Of an exponential distribution 1/e is longer than the mean.
        Assert.InRange(gaps.Count(static gap => gap > 1_000_000) / (double)gaps.Count, 0.35, 0.385);
        Assert.Equal(due, Arrivals.Independent(1_000, TimeSpan.FromSeconds(20), seed: 7));
        Assert.NotEqual(due, Arrivals.Independent(1_000, TimeSpan.FromSeconds(20), seed: 8));
    }

    [Fact]
    public void Even_arrivals_have_equal_steps() => Assert.Equal([0, 250_000_000, 500_000_000, 750_000_000], Arrivals.Even(4, TimeSpan.FromSeconds(1)));

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, 5, false)]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\ncontent-length:0\r\nConnection: close\r\n\r\n", 503, 0, true)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", 200, 31, false)]
    public void An_answer_is_followed_wherever_its_bytes_are_cut(string answer, int status, int bodyBytes, bool closes)
    {
        var bytes = Encoding.UTF8.GetBytes(answer);
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            var reader = new AnswerReader();
            for (var again = 0; again < 2; again++) // one connection, two answers
            {
                reader.Reset();
                var body = reader.Feed(bytes.AsSpan(0, cut));
                Assert.False(reader.IsComplete);
                body += reader.Feed(bytes.AsSpan(cut));
                Assert.True(reader.IsComplete);
                Assert.Equal((status, bodyBytes, closes), (reader.Status, body, reader.Closes));
            }
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")]
    public void What_is_no_answer_is_refused(string bytes) =>
        Assert.Throws<InvalidDataException>(() => new AnswerReader().Feed(Encoding.UTF8.GetBytes(bytes)));
}
