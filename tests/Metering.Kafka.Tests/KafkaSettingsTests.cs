using Confluent.Kafka;

namespace Metering.Kafka.Tests;

public sealed class KafkaSettingsTests
{
    private static KafkaSettings WithExtra(string name, string value) =>
        new() { Brokers = "127.0.0.1:1", Extra = new Dictionary<string, string>(StringComparer.Ordinal) { [name] = value } };

    [Fact]
    public void ToString_with_a_password_in_extra_does_not_print_it()
    {
        var text = WithExtra("sasl.password", "hunter2").ToString();
        Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
        Assert.Contains("sasl.password=***", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("isolation.level", "read_uncommitted")]
    [InlineData("auto.offset.reset", "latest")]
    [InlineData("enable.auto.commit", "true")]
    [InlineData("partitioner", "random")]
    public void R13_Reader_with_a_property_that_exactness_rests_on_is_refused_by_name(string name, string value)
    {
        var error = Assert.Throws<InvalidOperationException>(() => WithExtra(name, value).Reader());
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5_999, true)]
    [InlineData(10_000, true)]
    [InlineData(10_001, false)]
    [InlineData(0, false)]
    public void R14_Validate_session_timeout_longer_than_the_transactions_is_refused(int milliseconds, bool valid)
    {
        var settings = new KafkaSettings { Brokers = "127.0.0.1:1", SessionTimeout = TimeSpan.FromMilliseconds(milliseconds) };
        Assert.Equal(valid, settings.Validate().Count == 0);
    }

    [Theory]
    [InlineData("pipeline-0", true)]
    [InlineData("", false)]
    [InlineData("pipeline 0", false)]
    public void Validate_group_instance_that_is_no_name_is_refused(string name, bool valid)
    {
        var settings = new KafkaSettings { Brokers = "127.0.0.1:1", GroupInstance = name };
        Assert.Equal(valid, settings.Validate().Count == 0);
        Assert.True(valid || settings.Validate()[0].StartsWith("--group-instance", StringComparison.Ordinal));
    }

    [Fact]
    public void FencedMember_tells_of_another_process_only_for_a_static_members_fatal_error()
    {
        var fatal = new Error(ErrorCode.Local_Fatal, "fenced", isFatal: true);
        var settings = new KafkaSettings { Brokers = "127.0.0.1:1", GroupInstance = "pipeline-0" };
        Assert.Equal("pipeline-0", settings.GroupConsumer("g").GroupInstanceId);
        Assert.Contains("--group-instance", settings.FencedMember("g", fatal)?.Message, StringComparison.Ordinal);
        Assert.Null(settings.FencedMember("g", new Error(ErrorCode.Local_Transport)));
        Assert.Null((settings with { GroupInstance = null }).FencedMember("g", fatal));
    }

    [Fact]
    public void Builders_with_extra_pass_it_to_every_client()
    {
        var settings = WithExtra("sasl.username", "ann");
        Assert.Equal("ann", settings.Reader().SaslUsername);
        Assert.Equal("ann", settings.GroupConsumer("g").SaslUsername);
        Assert.Equal("ann", settings.Producer().SaslUsername);
        Assert.Equal("ann", settings.TransactionalProducer("t").SaslUsername);
        Assert.Equal("ann", settings.Admin().SaslUsername);
    }

    [Fact]
    public void R5_Producer_partitions_by_murmur2_as_javas_clients_do() =>
        Assert.Equal(Partitioner.Murmur2Random, new KafkaSettings { Brokers = "127.0.0.1:1" }.Producer().Partitioner);
}
