namespace Metering.Events.Tests.Codec;

/// <summary>The bytes of one record of each schema, kept: a change of these is a change for every reader of the topics.</summary>
public sealed class GoldenBytesTests
{
    [Fact]
    public void TokenEvent_has_its_golden_bytes() => Check(Samples.TokenEvent(),
        "12676174657761792d37deb7de9af1d9a2a38201f2c00180c98896e0a2b0060282c0f995e0a2b00602106c656173652d" +
        "3432507265712d30313933663263382d376231652d376363332d396135312d3063366632663666336131310402147265" +
        "712d706172656e740861636d650a6b5f313233282f76312f636861742f636f6d706c6574696f6e73020e6ac3bc726765" +
        "6e021070726f6d70742d620c6770742d346f226770742d346f2d323032362d30382d30360c6f70656e61690208683130" +
        "30020c6e6f64652d33040602e012801080019a05de010101b817a0d11980d98004c0ee6d80c8afa02502ffffffffffff" +
        "ffffff0104087465616d0c73656172636816636f73745f63656e7472650834373131000208332d3566e0120002046931");

    [Fact]
    public void TokenEvent_of_defaults_has_its_golden_bytes() => Check(new TokenEvent(),
        "0000000000000002000000000000000000000008000000000000000000010101010100000000");

    [Fact]
    public void SourceReport_has_its_golden_bytes() => Check(Samples.SourceReport(),
        "12676174657761792d379a0180c0f995e0a2b006141010d00f9003040201");

    [Fact]
    public void Price_has_its_golden_bytes() => Check(Samples.Price(),
        "0c6770742d346f0c6f70656e61690280d00f02808002048080f281838985060400c096b102a0cb9801c096b10280dac4" +
        "0980dac40980b51880ade204000080b4891300008080c489e5c5b2060000");

    [Fact]
    public void DeadLetter_has_its_golden_bytes() => Check(Samples.DeadLetter(),
        "18746f6b656e2d6576656e747306c60180c0f995e0a2b0061056696e7075745f746f6b656e73206973202d313b206974" +
        "206d757374206e6f74206265206e656761746976650212676174657761792d37020a020c0206010203020c0000000001" +
        "ff0c0206090807040a74726163650202010a656d7074790000");

    private static void Check(IAvroRecord record, string golden) => Assert.Equal(golden, Convert.ToHexStringLower(Samples.Encode(record)));
}
