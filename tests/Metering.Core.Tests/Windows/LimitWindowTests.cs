using System.Globalization;
using Metering.Core.Windows;

namespace Metering.Core.Tests.Windows;

public sealed class LimitWindowTests
{
    private static long Micros(string time) =>
        (DateTimeOffset.Parse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    [Theory]
    [InlineData(LimitPeriod.Second, "2026-11-27T20:15:30.5Z", "2026-11-27T20:15:30Z", "2026-11-27T20:15:31Z")]
    [InlineData(LimitPeriod.Minute, "2026-11-27T20:15:30.5Z", "2026-11-27T20:15:00Z", "2026-11-27T20:16:00Z")]
    [InlineData(LimitPeriod.Hour, "2026-11-27T20:15:30Z", "2026-11-27T20:00:00Z", "2026-11-27T21:00:00Z")]
    [InlineData(LimitPeriod.Day, "2026-11-27T20:15:30Z", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z")]
    [InlineData(LimitPeriod.Week, "2026-11-27T20:15:30Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z")]
    [InlineData(LimitPeriod.Week, "2026-11-29T23:59:59Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z")]
    [InlineData(LimitPeriod.Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    [InlineData(LimitPeriod.Month, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z")]
    public void At_a_moment_in_UTC_is_the_window_that_it_lies_in(LimitPeriod period, string moment, string begin, string end) =>
        Assert.Equal(new LimitWindow(Micros(begin), Micros(end)), LimitWindow.At(Micros(moment), period, TimeZoneInfo.Utc));

    [Theory]
    [InlineData("2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")] // 23 hours
    [InlineData("2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")] // 25 hours
    public void At_a_day_on_which_clocks_change_has_the_days_own_length(string moment, string begin, string end) =>
        Assert.Equal(new LimitWindow(Micros(begin), Micros(end)), LimitWindow.At(Micros(moment), LimitPeriod.Day, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")));

    [Fact]
    public void At_where_the_clocks_skip_midnight_begins_at_the_first_moment_there_is()
    {
        // Beirut, 26 March 2028: 00:00 becomes 01:00.
        var zone = TimeZoneInfo.FindSystemTimeZoneById("Asia/Beirut");
        var window = LimitWindow.At(Micros("2028-03-26T10:00:00Z"), LimitPeriod.Day, zone);
        Assert.Equal(Micros("2028-03-25T22:00:00Z"), window.BeginMicros);
        Assert.Equal(23 * 3_600_000_000L, window.EndMicros - window.BeginMicros);
    }

    [Fact]
    public void At_any_moment_windows_follow_each_other_without_a_gap()
    {
        foreach (var zone in new[] { "UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Asia/Beirut", "Pacific/Apia" })
        {
            foreach (var period in new[] { LimitPeriod.Second, LimitPeriod.Minute, LimitPeriod.Hour, LimitPeriod.Day, LimitPeriod.Week, LimitPeriod.Month })
            {
                var window = LimitWindow.At(Micros("2024-01-01T00:00:00Z"), period, TimeZoneInfo.FindSystemTimeZoneById(zone));
                for (var i = 0; i < 800; i++)
                {
                    var next = LimitWindow.At(window.EndMicros, period, TimeZoneInfo.FindSystemTimeZoneById(zone));
                    Assert.True(next.BeginMicros == window.EndMicros && next.EndMicros > next.BeginMicros, $"{zone} {period} {window} {next}");
                    Assert.Equal(window, LimitWindow.At(window.EndMicros - 1, period, TimeZoneInfo.FindSystemTimeZoneById(zone)));
                    window = next;
                }
            }
        }
    }

    [Fact]
    public void At_without_a_period_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => LimitWindow.At(0, LimitPeriod.None, TimeZoneInfo.Utc));
}
