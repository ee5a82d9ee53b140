using Metering.Cli.Settings;

namespace Metering.Cli.Tests.Settings;

public sealed class ValuesTests
{
    [Theory]
    [InlineData("50ms", 50)]
    [InlineData("30s", 30_000)]
    [InlineData("5m", 300_000)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("2d", 172_800_000)]
    [InlineData("1s500ms", 1_500)]
    [InlineData("0", 0)]
    public void Duration_as_people_write_it_is_read_and_written_back(string text, long milliseconds)
    {
        Assert.True(Durations.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), duration);
        Assert.True(Durations.TryParse(Durations.Format(duration), out var again));
        Assert.Equal(duration, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("1.5h")]
    [InlineData("5 m")]
    [InlineData("5x")]
    [InlineData("999999999999d")]
    [InlineData("9999999999999999999999s")]
    public void Duration_malformed_or_endless_is_refused(string text) => Assert.False(Durations.TryParse(text, out _));

    [Fact]
    public void Url_with_everything_keeps_it_apart_and_prints_no_password()
    {
        Assert.True(ServiceUrl.TryParse("https://us%40er:p%3Aw@host:8443/apis/ccompat/v7?database=d%20b&x=y", out var url));

        Assert.Equal("https://host:8443/apis/ccompat/v7", url!.Address);
        Assert.Equal("us@er", url.User);
        Assert.Equal("p:w", url.Password);
        Assert.Equal("d b", url.Database);
        Assert.Equal("https://host:8443/apis/ccompat/v7", url.ClickHouseEndpoint);
        Assert.Equal("https://us%40er:***@host:8443/apis/ccompat/v7", url.ToString());
    }

    [Fact]
    public void Url_of_one_word_as_path_names_a_database()
    {
        Assert.True(ServiceUrl.TryParse("http://host:8123/metering", out var url));

        Assert.Equal("metering", url!.Database);
        Assert.Equal("http://host:8123", url.ClickHouseEndpoint);
        Assert.Equal("http://host:8123/metering", url.Address);
        Assert.Null(url.UserInfo);
    }

    [Theory]
    [InlineData("host:8123")]
    [InlineData("ftp://host")]
    [InlineData("http://")]
    [InlineData("/path")]
    [InlineData("")]
    public void Url_that_is_no_web_address_is_refused(string text) => Assert.False(ServiceUrl.TryParse(text, out _));

    [Theory]
    [InlineData("sasl.password", "x", "***")]
    [InlineData("sasl.oauthbearer.client.secret", "x", "***")]
    [InlineData("ssl.key.pem", "x", "***")]
    [InlineData("client.id", "plain", "plain")]
    [InlineData("some.url", "https://u:p@host", "https://***@host")]
    public void Secret_properties_are_masked(string property, string value, string printed) =>
        Assert.Equal(printed, Secrets.Mask(property, value));

    [Theory]
    [InlineData("--brokes", "--brokers")]
    [InlineData("--nothing-like-it", null)]
    public void Nearest_name_is_the_one_with_few_edits(string given, string? nearest) =>
        Assert.Equal(nearest, NearestName.Of(given, KnownSettings.All.Select(s => s.Flag)));
}
